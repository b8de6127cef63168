"""FLIP secondary structure: the state (coil, strand or helix) of every residue of a protein."""

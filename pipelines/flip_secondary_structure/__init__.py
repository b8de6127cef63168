"""FLIP's secondary structure: a state, coil, strand or helix, for every residue of a protein."""

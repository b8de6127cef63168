"""The NRNM layer, its cell, and their parts."""

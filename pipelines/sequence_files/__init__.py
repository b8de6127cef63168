"""A user's own labelled sequences of numbers in .npz or .ts files."""

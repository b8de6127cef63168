"""A user's own labeled sequences of numbers in .npz or .ts files."""

"""A user's own labeled skeletons in .npz files."""

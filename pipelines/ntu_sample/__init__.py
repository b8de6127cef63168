"""Generated skeletons in the format of NTU RGB+D, for tests and first experiments."""

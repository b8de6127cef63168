"""Generated skeletons in the format of NTU RGB+D, for tests and for trying things out."""

"""Records of a built data set, their checks, and their batches."""

"""Records of a built data set, their checks, and batches of them."""

"""Training: flags, devices, batches, the loop, and what a run leaves behind."""

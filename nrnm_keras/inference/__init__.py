"""A finished run in use: the trained model, its inputs, streams, exports and what it attends to."""

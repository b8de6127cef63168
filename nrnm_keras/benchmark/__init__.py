"""Measures speed and memory: the layer beside Keras's LSTM, networks, streams, input and start."""

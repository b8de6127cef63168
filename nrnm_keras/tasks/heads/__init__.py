"""Heads: examples, network, loss, metrics and report for each kind of target."""

"""Sweeps: trainings over a grid of flag values, and a summary of their results."""

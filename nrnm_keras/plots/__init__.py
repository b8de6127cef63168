"""Plots of results and of trained models. They need matplotlib, an optional dependency."""

"""Plots that explain a prediction of a trained model. They need matplotlib."""

"""Predictions with a trained model: inputs, batches, results, and live."""

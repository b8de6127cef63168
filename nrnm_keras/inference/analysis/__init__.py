"""Numbers that show how a trained model came to its prediction for one input."""

"""Analysis of how a trained model predicts one input."""

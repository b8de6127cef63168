"""Pictures of how a trained model comes to a prediction; they need matplotlib."""

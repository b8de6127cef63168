"""Pictures of what happens in a trained model."""

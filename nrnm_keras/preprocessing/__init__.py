"""Raw input to model input, as Keras layers that travel inside the exported model."""

from nrnm_keras.preprocessing.text import TextPreprocessor

__all__ = ["TextPreprocessor"]

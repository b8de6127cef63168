"""Strings, read character by character, such as the residues of a protein."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from nrnm_keras.inference.modalities.modality import TimeSteps
from nrnm_keras.inference.modalities.text_input import TextInput


class Strings(TextInput):
    """Strings `(batch,)`, which a `TextVectorization` splits into characters."""

    name, plural = "string", "strings"
    description = "strings, each character of which is a step"
    nothing = "The id 0 is skipped."
    example, example_token = "MKAW", "K"

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self._encoder = next(_encoders(model))

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether a layer of the model splits strings."""
        return any(_encoders(model))

    def length(self, value: Any) -> int:
        """Returns the number of characters."""
        return len(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)

    def encode(self, raw: Any) -> tf.Tensor:
        """Returns the ids of the characters."""
        return self._encoder(raw)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the characters."""
        (text,) = np.asarray(raw).ravel().tolist()
        characters = list(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
        return {"": TimeSteps("character", np.arange(1, len(characters) + 1), characters)}

    def tokens_of(self, piece: str, dtype: str) -> list:
        """Returns the ids of the characters in a piece of a string."""
        return list(np.array(self._encoder([piece]))[0].astype(dtype))

    def portable_steps(self, raw: Any) -> dict[str, np.ndarray]:
        """Returns the characters, as strings."""
        (steps,) = self.name_time_steps(raw).values()
        return {"token": np.array(steps.names, str)}

    def vocabulary(self) -> list[str]:
        """Returns the characters."""
        return [str(token) for token in self._encoder.get_vocabulary()]

    def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
        """Returns the ids of strings, each of which is a character."""
        return self._encoder(tokens)[:, 0]


def _encoders(model):
    return (layer for layer in model.layers if isinstance(layer, layers.TextVectorization))

"""Strings, read character by character, such as the residues of a protein."""

import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    TimeSteps,
    check_text,
    fault_of_text,
)
from pipelines.text_files.reader import read_texts


class Strings(Modality):
    """Strings `(batch,)`, which a `TextVectorization` splits into characters."""

    name, plural = "string", "strings"
    step_name = "token_id"
    suffixes = {".csv": "text", ".tsv": "text", ".jsonl": "text"}
    description = "strings, each character of which is a step"
    nothing = "The id 0 is no step."
    takes_ids = True
    example, example_token = "MKAW", "K"

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self._encoder = next(_encoders(model))

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether a layer of the model splits strings."""
        return any(_encoders(model))

    def find_fault(self, value: Any) -> str | None:
        """Says why a value is not a valid string."""
        return fault_of_text(value)

    def length(self, value: Any) -> int:
        """Returns the number of characters."""
        return len(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)

    def empty(self) -> bytes:
        """Returns the empty string."""
        return b""

    def as_batch(self, values: list) -> tf.Tensor:
        """Returns the strings."""
        return tf.constant(values, tf.string)

    def encode(self, raw: Any) -> tf.Tensor:
        """Returns the ids of the characters."""
        return self._encoder(raw)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the characters."""
        (text,) = np.asarray(raw).ravel().tolist()
        characters = list(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
        return {"": TimeSteps("character", np.arange(1, len(characters) + 1), characters)}

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the ids of the characters in a piece of a string."""
        if fault := fault_of_text(piece):
            raise MalformedError(f"be a string. Received: {fault.partition(';')[0]}")
        return list(np.array(self._encoder([piece]))[0].astype(dtype))

    def parse_line(self, line: str) -> str:
        """Returns a piece of a string as it is."""
        return line

    def portable_steps(self, raw: Any) -> dict[str, np.ndarray]:
        """Returns the characters, as strings."""
        (steps,) = self.name_time_steps(raw).values()
        return {"token": np.array(steps.names, str)}

    def read(self, path: pathlib.Path, ntu_bodies: str, limit: int | None) -> Inputs:
        """Returns the strings in the column `text` of a file."""
        count = sum(1 for _ in read_texts(path, limit))
        return Inputs("text", count, lambda: ((text, text) for text in read_texts(path, limit)))

    def one_text(self, text: str) -> Inputs:
        """Returns the string."""
        check_text("--text", text)
        return Inputs("text", 1, lambda: iter([(text, text)]))

    def vocabulary(self) -> list[str]:
        """Returns the characters."""
        return [str(token) for token in self._encoder.get_vocabulary()]

    def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
        """Returns the ids of strings, each of which is a character."""
        return self._encoder(tokens)[:, 0]


def _encoders(model):
    return (layer for layer in model.layers if isinstance(layer, layers.TextVectorization))

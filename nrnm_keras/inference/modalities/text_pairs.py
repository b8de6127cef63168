"""Pairs of texts."""

import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.modalities.modality import (
    Inputs,
    Modality,
    ReadOptions,
    TimeSteps,
    fault_of_text,
)
from nrnm_keras.inference.modalities.texts import name_words
from nrnm_keras.preprocessing import TextPairPreprocessor
from nrnm_keras.typing import Tensor
from pipelines.text_files.reader import read_other_columns, read_pairs

_NAMES = ("first", "second")


class TextPairs(Modality):
    """Two tensors of strings `(batch,)`, which become token ids side by side."""

    name, plural = "pair of texts", "pairs of texts"
    step_name = "token_ids"
    suffixes = {".csv": "texts", ".tsv": "texts", ".jsonl": "texts", ".json": "texts"}
    description = "pairs of texts"
    nothing = "A text without words (empty, or only punctuation) counts as one unknown word."
    takes_ids = True
    advice = ""
    _id_shape = (2,)

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self._pair_preprocessor = next(_preprocessors(model))
        self._preprocessor = self._pair_preprocessor.preprocessor

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether a layer of the model takes pairs of texts."""
        return any(_preprocessors(model))

    def find_fault(self, value: Any) -> str | None:
        """Says why a value is not a pair of strings."""
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != 2:
            return f"a {type(value).__name__}; expected a pair of strings"
        return next(filter(None, map(fault_of_text, value)), None)

    def length(self, value: Any) -> int:
        """Returns the length of the longer text in characters."""
        return max(map(len, value))

    def empty(self) -> tuple[bytes, bytes]:
        """Returns two empty texts."""
        return (b"", b"")

    def from_record(self, values: list) -> tuple:
        """Returns the two texts."""
        return tuple(values)

    def as_batch(self, values: list) -> list[tf.Tensor]:
        """Returns the first texts and the second texts."""
        return [tf.constant(list(texts), tf.string) for texts in zip(*values, strict=True)]

    def encode(self, raw: Any) -> tf.Tensor:
        """Returns token ids `(batch, timesteps, 2)`."""
        return self._pair_preprocessor(raw)

    def parts(self, encoded: Tensor) -> dict[str, Any]:
        """Returns the ids of each text."""
        return dict(zip(_NAMES, tf.unstack(encoded, num=2, axis=-1), strict=True))

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the words of each text; the shorter one is padded."""
        steps = [name_words(self._preprocessor, each) for each in raw]
        longest = max(len(each.names) for each in steps)
        return {name: _padded(each, longest) for name, each in zip(_NAMES, steps, strict=True)}

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the pairs in a file. All are read once to check them."""
        limit = options.limit
        count = sum(1 for _ in read_pairs(path, limit))

        def read():
            for first, second in read_pairs(path, limit):
                yield f"{first} | {second}", (first, second)

        return Inputs(
            "texts", count, read, lambda: read_other_columns(path, limit, ("first", "second"))
        )

    def vocabulary(self) -> list[str]:
        """Returns the tokens."""
        return self._preprocessor.vocabulary


def _padded(steps, length):
    names = steps.names + [""] * (length - len(steps.names))
    return TimeSteps(steps.unit, np.arange(1, length + 1), names)


def _preprocessors(model):
    return (layer for layer in model.layers if isinstance(layer, TextPairPreprocessor))

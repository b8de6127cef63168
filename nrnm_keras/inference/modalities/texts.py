"""Texts, read word by word."""

import pathlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    TimeSteps,
    check_text,
    fault_of_text,
    portable,
)
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.preprocessing.text import UNKNOWN
from pipelines.text_files.reader import read_texts

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation

UNKNOWN_ID = 1


class Texts(Modality):
    """Strings `(batch,)`, which a `TextPreprocessor` turns into token ids."""

    name, plural = "text", "texts"
    step_name = "token_id"
    suffixes = {".csv": "text", ".tsv": "text", ".jsonl": "text"}
    description = "texts"
    nothing = (
        "A text without a word (empty, or nothing but punctuation) is one unknown word, the id 1 "
        "or the token `[UNK]`."
    )
    takes_ids = True

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self.text_preprocessor = next(_preprocessors(model))

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether a layer of the model takes texts."""
        return any(_preprocessors(model))

    def find_fault(self, value: Any) -> str | None:
        """Says why a value is not a valid string."""
        return fault_of_text(value)

    def empty(self) -> bytes:
        """Returns the empty text."""
        return b""

    def as_batch(self, values: list) -> tf.Tensor:
        """Returns the strings."""
        return tf.constant(values, tf.string)

    def encode(self, raw: Any) -> tf.Tensor:
        """Returns token ids."""
        return self.text_preprocessor(raw)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the words as the model sees them."""
        return {"": name_words(self.text_preprocessor, raw)}

    def no_step(self, shape: tuple, dtype: str) -> np.ndarray:
        """Returns an unknown word."""
        return np.array(UNKNOWN_ID, dtype)

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the ids of the tokens in a piece of a text."""
        if fault := fault_of_text(piece):
            raise MalformedError(f"be a string. Received: {fault.partition(';')[0]}")
        tokens = self.text_preprocessor.tokenize([piece])[0]
        # A whole text without tokens becomes one unknown token; a piece of a text becomes none.
        tokens = tokens[tokens != UNKNOWN]  # no word becomes this token
        return list(np.array(self.text_preprocessor.lookup(tokens), dtype))

    def parse_line(self, line: str) -> str:
        """Returns a piece of a text as it is."""
        return line

    def portable_steps(self, raw: Any) -> dict[str, np.ndarray]:
        """Returns the tokens, as strings."""
        tokens = self.text_preprocessor.truncate(self.text_preprocessor.tokenize(raw))
        return {"token": portable(tokens[0].numpy())}

    def read(self, path: pathlib.Path, ntu_bodies: str, limit: int | None) -> Inputs:
        """Returns the texts in a file. All are read once to check them."""
        count = sum(1 for _ in read_texts(path, limit))
        return Inputs("text", count, lambda: ((text, text) for text in read_texts(path, limit)))

    def one_text(self, text: str) -> Inputs:
        """Returns the text."""
        check_text("--text", text)
        return Inputs("text", 1, lambda: iter([(text, text)]))

    def vocabulary(self) -> list[str]:
        """Returns the tokens."""
        return self.text_preprocessor.vocabulary

    def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
        """Returns the ids of strings, each of which is a token."""
        return self.text_preprocessor.lookup(tf.strings.lower(tokens, encoding="utf-8"))

    draws_running = True

    def draw(self, explanation: "Explanation", folder: pathlib.Path) -> None:
        """Draws the words shaded by attention, as a picture and as a page."""
        from nrnm_keras.inference.pictures.of_texts import draw_words

        draw_words(explanation, folder)


def name_words(preprocessor: TextPreprocessor, raw: Any) -> TimeSteps:
    """Returns the words of a batch of one text as a `TextPreprocessor` gives them."""
    tokens = preprocessor.truncate(preprocessor.tokenize(raw))[0]
    names = [token.decode() for token in tokens.numpy()]
    return TimeSteps("word", np.arange(1, len(names) + 1), names)


def _preprocessors(model):
    return (layer for layer in model.layers if isinstance(layer, TextPreprocessor))

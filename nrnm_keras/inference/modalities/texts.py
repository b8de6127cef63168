"""Texts, read word by word."""

import pathlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.modalities.modality import TimeSteps, portable
from nrnm_keras.inference.modalities.text_input import TextInput
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.preprocessing.step_stacking import number_stacked
from nrnm_keras.preprocessing.text import UNKNOWN

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation

UNKNOWN_ID = 1


class Texts(TextInput):
    """Strings `(batch,)`, which a `TextPreprocessor` turns into token ids."""

    name, plural = "text", "texts"
    description = "texts"
    nothing = (
        "A text without words (empty, or only punctuation) counts as one unknown word, the id 1 or "
        "the token `[UNK]`."
    )

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self.text_preprocessor = next(_preprocessors(model))
        self.stacked_steps = number_stacked(network)

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether a layer of the model takes texts."""
        return any(_preprocessors(model))

    def encode(self, raw: Any) -> tf.Tensor:
        """Returns token ids."""
        return self.text_preprocessor(raw)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the words as the model sees them, those together that are stacked."""
        words, stacked = name_words(self.text_preprocessor, raw), self.stacked_steps
        if stacked == 1:
            return {"": words}
        first = range(0, len(words.names), stacked)
        names = [" ".join(words.names[start : start + stacked]) for start in first]
        return {"": TimeSteps("word", words.numbers[::stacked], names)}

    def no_step(self, shape: tuple, dtype: str) -> np.ndarray:
        """Returns an unknown word."""
        return np.array(UNKNOWN_ID, dtype)

    def tokens_of(self, piece: str, dtype: str) -> list:
        """Returns the ids of the tokens in a piece of a text."""
        tokens = self.text_preprocessor.tokenize([piece])[0]
        # A whole text without tokens becomes one unknown token; a piece of a text becomes none.
        tokens = tokens[tokens != UNKNOWN]  # no word becomes this token
        return list(np.array(self.text_preprocessor.lookup(tokens), dtype))

    def portable_steps(self, raw: Any) -> dict[str, np.ndarray]:
        """Returns the tokens, as strings."""
        tokens = self.text_preprocessor.truncate(self.text_preprocessor.tokenize(raw))
        return {"token": portable(tokens[0].numpy())}

    def vocabulary(self) -> list[str]:
        """Returns the tokens."""
        return self.text_preprocessor.vocabulary

    def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
        """Returns the ids of strings, each of which is a token."""
        if self.text_preprocessor.tokens != "bytes":
            tokens = tf.strings.lower(tokens, encoding="utf-8")
        return self.text_preprocessor.lookup(tokens)

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

"""TextReading: what the plots of a text show."""

from typing import NamedTuple

import numpy as np

from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.running_prediction import RunningPrediction


class TextReading(NamedTuple):
    """A text, the attention that its words received, and the running prediction.

    Attributes:
        words: list of strings, the tokens that the model takes.
        is_known: booleans, whether each word is in the vocabulary.
        received: the attention that each word received, as `attention_received` returns it.
        cut_at: index of the word before which words were truncated.
        num_cut: the number of truncated words.
        running: `RunningPrediction`.
        class_names: list of strings.
        why_no_attention: why no word received attention, if none did.
    """

    words: list
    is_known: np.ndarray
    received: np.ndarray
    cut_at: int
    num_cut: int
    running: RunningPrediction
    class_names: list
    why_no_attention: str = "the model has no memory that attends to words"

    @property
    def label(self) -> int:
        """The predicted class of the whole text."""
        return int(most_probable(self.running.probabilities[-1]))

    @property
    def has_attention(self) -> bool:
        """Whether any word received attention."""
        return bool(np.isfinite(self.received).any())

    @property
    def probability_by_word(self) -> np.ndarray:
        """The probability of the class `label` after each word, `(words,)`.

        Where there is no prediction after a word, the next prediction is taken.
        """
        numbers = np.arange(1, len(self.words) + 1)
        places = np.searchsorted(self.running.counts, numbers)
        return self.running.probabilities[places, self.label]

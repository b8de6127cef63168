"""TextReading: what the plots of a text show."""

from typing import NamedTuple

import numpy as np

from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.running_prediction import RunningPrediction


class TextReading(NamedTuple):
    """What a model made of a text.

    Attributes:
        words: list of strings, as the model takes them.
        is_known: booleans, whether each is in the vocabulary.
        received: the attention that each received, as `attention_received` returns it.
        cut_at: index of the word before which others were left out.
        num_cut: how many were.
        running: `RunningPrediction`.
        class_names: list of strings.
    """

    words: list
    is_known: np.ndarray
    received: np.ndarray
    cut_at: int
    num_cut: int
    running: RunningPrediction
    class_names: list

    @property
    def label(self) -> int:
        """The number of the class that the text as a whole is given."""
        return int(most_probable(self.running.probabilities[-1]))

    @property
    def has_attention(self) -> bool:
        """Whether any write took in a word."""
        return bool(np.isfinite(self.received).any())

    @property
    def probability_by_word(self) -> np.ndarray:
        """The probability of the class `label` after each word, `(words,)`.

        Where there is no prediction after a word, the next one counts.
        """
        numbers = np.arange(1, len(self.words) + 1)
        places = np.searchsorted(self.running.counts, numbers)
        return self.running.probabilities[places, self.label]

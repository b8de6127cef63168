"""Classification of numeric sequences."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from nrnm_keras.config import NetworkConfig
from nrnm_keras.models import ConvolutionClassifier
from nrnm_keras.models.end_to_end import OtherClassifier, end_to_end_classifier
from nrnm_keras.preprocessing import NanPadding
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.sequence_examples import SequenceExamples
from nrnm_keras.typing import Tensor


class SequenceClassification(SequenceExamples, Classification):
    """Classes of sequences of feature vectors.

    Args:
        task: a `Task` with a `ValidationConfig`.
        records: folder of the built records, with features `sequence` and `label`.
        max_timesteps: the largest length that is expected. Default: any.
    """

    def __init__(
        self, task: Any, records: str | os.PathLike, max_timesteps: int | None = None
    ) -> None:
        super().__init__(task, records, max_timesteps)
        self.class_names = self.records.class_names

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns preprocessing and `SequenceClassifier`: sequences to logits."""
        return keras.Sequential(
            [*self.input_layers(), self.build_classifier(network)], name="network"
        )

    inverse_penalties = (100.0,)

    def fit_linear(
        self, splits: Sequence[str], inverse_penalties: Sequence[float]
    ) -> dict[float, Callable[[Tensor], Tensor]]:
        """Fits a `ConvolutionClassifier` to the sequences with each penalty."""
        examples = [x for split in splits for x in self.examples(split).as_numpy_iterator()]
        sequences, labels = zip(*examples, strict=True)
        lengths = np.array([len(sequence) for sequence in sequences])
        longest = lengths.max()
        padded = np.stack([np.pad(x, ((0, longest - len(x)), (0, 0))) for x in sequences])
        fitted: dict[float, Callable[[Tensor], Tensor]] = {}
        for inverse_penalty in inverse_penalties:
            classifier = ConvolutionClassifier(
                len(self.class_names),
                int(longest),
                inverse_penalty=inverse_penalty,
                name="convolution_classifier",
            )
            classifier.fit(padded, np.array(labels), np.arange(longest) < lengths[:, np.newaxis])
            fitted[inverse_penalty] = _padded_with_nan(classifier)
        return fitted

    baseline_name = "statistics of each feature and a random forest"

    def baseline(self) -> Any:
        """Returns a random forest."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(500, random_state=0)

    def baseline_examples(self, split: str, raw: bool = False) -> tuple[list, np.ndarray]:
        """Returns statistics of the sequences of a split, or the sequences."""
        examples = list(self.examples(split).as_numpy_iterator())
        sequences = [sequence if raw else _statistics(sequence) for sequence, _ in examples]
        return sequences, np.array([label for _, label in examples])

    def build_exported(
        self, network: keras.Model, other: OtherClassifier | None = None
    ) -> keras.Model:
        """Returns the model from sequences `(batch, timesteps, features)`, padded with NaN."""
        sequences = keras.Input(self.records.features["sequence"].shape, name="sequence")
        return end_to_end_classifier(sequences, network, self.class_names, other=other)


def _padded_with_nan(classifier):
    """Returns a classifier of masked sequences as a function of sequences padded with NaN."""
    return lambda sequence: classifier(NanPadding()(sequence))


def _statistics(sequence):
    """Returns statistics of each feature of a sequence, and of its changes from step to step."""
    changes = np.diff(sequence, axis=0, prepend=sequence[:1])
    parts = [sequence.mean(0), sequence.std(0), np.abs(changes).mean(0), changes.std(0)]
    parts += list(np.quantile(sequence, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), axis=0))
    parts += [sequence[0], sequence[-1], sequence.argmax(0), sequence.argmin(0)]
    return np.concatenate([*parts, [len(sequence)]])

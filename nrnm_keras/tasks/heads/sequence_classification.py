"""Classification of numeric sequences."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.models import ConvolutionClassifier
from nrnm_keras.models.end_to_end import OtherClassifier, end_to_end_classifier
from nrnm_keras.preprocessing import NanPadding, Standardization, StepStacking
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.typing import Tensor


class SequenceClassification(Classification):
    """Classes of sequences of feature vectors.

    Args:
        task: a `Task` with a `ValidationConfig`.
        records: folder of the built records, with features `sequence` and `label`.
        max_timesteps: the largest length that is expected. Default: any.
    """

    # Steps in files are never NaN: NaN is padding, also in the exported model's input.
    padding = float("nan")

    def __init__(
        self, task: Any, records: str | os.PathLike, max_timesteps: int | None = None
    ) -> None:
        super().__init__(task)
        self.records = Records(records, max_timesteps=max_timesteps, **task.validation_split())
        self.class_names = self.records.class_names
        self.standardization = Standardization(name="standardization")
        self.standardization.adapt(sequence for sequence, _ in self.examples("train"))

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> Any:
        """Returns the sequences `(timesteps, features)` of a split with their labels."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["sequence"], record["label"]))

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns preprocessing and `SequenceClassifier`: sequences to logits."""
        stacked = self.task.stacked_steps
        return keras.Sequential(
            [
                keras.Input(self.records.features["sequence"].shape, name="sequence"),
                NanPadding(name="nan_padding"),
                self.standardization,
                *([StepStacking(stacked)] if stacked > 1 else []),
                self.build_classifier(network),
            ],
            name="network",
        )

    inverse_penalties = (100.0,)

    def fit_linear(
        self, splits: Sequence[str], inverse_penalty: float
    ) -> Callable[[Tensor], Tensor]:
        """Fits a `ConvolutionClassifier` to the sequences."""
        examples = [x for split in splits for x in self.examples(split).as_numpy_iterator()]
        sequences, labels = zip(*examples, strict=True)
        lengths = np.array([len(sequence) for sequence in sequences])
        longest = lengths.max()
        padded = np.stack([np.pad(x, ((0, longest - len(x)), (0, 0))) for x in sequences])
        classifier = ConvolutionClassifier(
            len(self.class_names),
            int(longest),
            inverse_penalty=inverse_penalty,
            name="convolution_classifier",
        )
        classifier.fit(padded, np.array(labels), np.arange(longest) < lengths[:, np.newaxis])
        return lambda sequence: classifier(NanPadding()(sequence))

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


def _statistics(sequence):
    """Returns statistics of each feature of a sequence, and of its changes from step to step."""
    changes = np.diff(sequence, axis=0, prepend=sequence[:1])
    parts = [sequence.mean(0), sequence.std(0), np.abs(changes).mean(0), changes.std(0)]
    parts += list(np.quantile(sequence, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), axis=0))
    parts += [sequence[0], sequence[-1], sequence.argmax(0), sequence.argmin(0)]
    return np.concatenate([*parts, [len(sequence)]])

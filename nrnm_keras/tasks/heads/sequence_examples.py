"""What the tasks on numeric sequences share: their examples, and the layers that prepare these."""

import os
from typing import Any

import keras
from keras import layers

from nrnm_keras.data.records import Records
from nrnm_keras.preprocessing import NanPadding, Standardization, StepStacking
from nrnm_keras.tasks.heads.open_task import OpenTask


class SequenceExamples(OpenTask):
    """Sequences of feature vectors, which the network standardizes.

    Args:
        task: a `Task` with a `ValidationConfig`; it may have the option `stacked_steps`.
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
        names = self.records.feature_names
        self.standardization = Standardization(feature_names=names, name="standardization")
        self.standardization.adapt(sequence for sequence, _ in self.examples("train"))

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> Any:
        """Returns the sequences `(timesteps, features)` of a split with their labels."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["sequence"], record["label"]))

    def input_layers(self) -> list[layers.Layer]:
        """Returns the layers from sequences padded with NaN to vectors and their mask."""
        stacked = getattr(self.task, "stacked_steps", 1)
        return [
            keras.Input(self.records.features["sequence"].shape, name="sequence"),
            NanPadding(name="nan_padding"),
            self.standardization,
            *([StepStacking(stacked)] if stacked > 1 else []),
        ]

"""A user's own numeric sequences."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nrnm_keras.config import (
    AutomaticConfig,
    OwnTablesConfig,
    SettingsConfig,
    StackingConfig,
)
from nrnm_keras.config.options import option
from nrnm_keras.data.files import sequences_as_npz
from nrnm_keras.tasks.settings import Setting, settings_for_regression, settings_for_sequences
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OwnSequences(OwnTablesConfig, StackingConfig, Task):
    """Your own sequences"""

    dataset: ClassVar[str] = "sequence_files"
    data_suffix: ClassVar[str] = ".npz"
    max_timesteps: int = option(
        10_000,
        "largest length that is expected; a longer sequence is an error",
        minimum=1,
        unit="steps",
        changes_result=False,
    )
    id_column: str | None = option(
        None,
        "column of a table of sequences with one step in a row: to which sequence the row belongs; "
        "default: id, or another usual name",
    )
    time_column: str | None = option(
        None, "column of such a table with the time of the row; default: time, or a usual name"
    )

    def build_options(self) -> dict[str, Any]:
        """Returns the files, and how they are read."""
        own = {"id_column": self.id_column, "time_column": self.time_column}
        return {**super().build_options(), **own}

    def data_content(self, examples: Any, labels: np.ndarray) -> bytes:
        """Returns an .npz archive of sequences `(timesteps, features)` that are in memory."""
        return sequences_as_npz(examples, labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceTask(_OwnSequences, AutomaticConfig):
    """Your own labeled sequences"""

    name: ClassVar[str] = "sequence"

    def choose_settings(self, records: str | os.PathLike) -> list[Setting]:
        """Returns settings that suit the training sequences."""
        from nrnm_keras.tasks.heads.sequence_statistics import sequence_statistics

        return settings_for_sequences(sequence_statistics(self, records))

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SequenceClassification`."""
        from nrnm_keras.tasks.heads.sequence_classification import SequenceClassification

        return SequenceClassification(self, records, self.max_timesteps)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceRegressionTask(_OwnSequences, SettingsConfig):
    """Your own sequences, each with a number to be predicted"""

    name: ClassVar[str] = "sequence_regression"
    is_stratified: ClassVar[bool] = False
    predicts_numbers: ClassVar[bool] = True

    def build_options(self) -> dict[str, Any]:
        """Returns the files, and how they are read."""
        return {**super().build_options(), "labels": "numbers"}

    def choose_settings(self, records: str | os.PathLike) -> list[Setting]:
        """Returns settings that suit the training sequences."""
        from nrnm_keras.tasks.heads.sequence_statistics import sequence_statistics

        return settings_for_regression(sequence_statistics(self, records))

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SequenceRegression`."""
        from nrnm_keras.tasks.heads.sequence_regression import SequenceRegression

        return SequenceRegression(self, records, self.max_timesteps)

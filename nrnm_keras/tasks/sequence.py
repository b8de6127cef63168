"""A user's own numeric sequences."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nrnm_keras.config import AutomaticConfig, OwnFilesConfig, StackingConfig
from nrnm_keras.config.options import option
from nrnm_keras.data.files import sequences_as_npz
from nrnm_keras.tasks.settings import Setting, settings_for_sequences
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceTask(OwnFilesConfig, StackingConfig, AutomaticConfig, Task):
    """Your own labeled sequences"""

    name: ClassVar[str] = "sequence"
    dataset: ClassVar[str] = "sequence_files"
    data_suffix: ClassVar[str] = ".npz"
    max_timesteps: int = option(
        10_000,
        "largest length that is expected; a longer sequence is an error",
        minimum=1,
        unit="steps",
        changes_result=False,
    )

    def choose_settings(self, records: str | os.PathLike) -> list[Setting]:
        """Returns settings that suit the training sequences."""
        from nrnm_keras.tasks.heads.sequence_statistics import sequence_statistics

        return settings_for_sequences(sequence_statistics(self, records))

    def data_content(self, examples: Any, labels: np.ndarray) -> bytes:
        """Returns an .npz archive of sequences `(timesteps, features)` that are in memory."""
        return sequences_as_npz(examples, labels)

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SequenceClassification`."""
        from nrnm_keras.tasks.heads.sequence_classification import SequenceClassification

        return SequenceClassification(self, records, self.max_timesteps)

"""A user's own numeric sequences."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nrnm_keras.config import OwnFilesConfig, ValidationConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceTask(OwnFilesConfig, ValidationConfig, Task):
    """Your own labeled sequences"""

    name: ClassVar[str] = "sequence"
    dataset: ClassVar[str] = "sequence_files"
    max_timesteps: int = option(
        10_000,
        "largest length that is expected; a longer sequence is an error",
        minimum=1,
        unit="steps",
        changes_result=False,
    )

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SequenceClassification`."""
        from nrnm_keras.tasks.heads.sequence_classification import SequenceClassification

        return SequenceClassification(self, records, self.max_timesteps)

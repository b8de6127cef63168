"""A user's own numeric sequences."""

import dataclasses
from typing import ClassVar

from nrnm_keras.config import OwnFilesConfig, ValidationConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.task import Task


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

    def open(self, records, vocabulary=None):
        """Returns the `SequenceClassification`."""
        from nrnm_keras.tasks.heads.sequence_classification import SequenceClassification

        return SequenceClassification(self, records, self.max_timesteps)

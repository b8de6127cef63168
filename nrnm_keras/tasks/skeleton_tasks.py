"""Base classes of the tasks on skeletons."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nrnm_keras.config import (
    AugmentationConfig,
    SkeletonConfig,
    SkeletonSplitConfig,
    ValidationConfig,
)
from nrnm_keras.errors import UsageError
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # they need TensorFlow
    from nrnm_keras.data.records import Records
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkeletonClassificationTask(AugmentationConfig, SkeletonConfig, ValidationConfig, Task):
    """Classes of skeletons: records with features `joints` and `label`."""

    @property
    def layout(self) -> str:
        """The layout of the joints, a key of `nrnm_keras.preprocessing.LAYOUTS`."""
        raise NotImplementedError

    def open_records(self, records: str | os.PathLike) -> "Records":
        """Returns the `Records` in a folder, which know the splits.

        Raises:
            UsageError: if there is no such split.
        """
        raise NotImplementedError

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SkeletonClassification`."""
        from nrnm_keras.tasks.heads.skeleton_classification import SkeletonClassification

        return SkeletonClassification(self, records)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordedActionsTask(SkeletonSplitConfig, SkeletonClassificationTask):
    """Actions of several subjects, seen by several cameras, which divide the records into splits.

    Attributes:
        camera_in_name: regular expression of the part of a sample's name that gives the camera.
    """

    camera_in_name: ClassVar[str]

    def splits(self) -> dict[str, Any]:
        """Returns the splits by name: the field that divides them, and its training values."""
        raise NotImplementedError

    def open_records(self, records: str | os.PathLike) -> "Records":
        """Returns the `RecordedActions`."""
        from nrnm_keras.data.recorded_actions import RecordedActions

        splits = self.splits()
        if self.split not in splits:
            raise UsageError(
                f"{self.dataset} has no --split={self.split}; it has {' and '.join(splits)}"
            )
        field, values = splits[self.split]
        return RecordedActions(
            records, field, values, self.camera_in_name, self.validation_fraction
        )

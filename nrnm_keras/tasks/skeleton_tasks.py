"""Base class of the tasks on skeletons."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nrnm_keras.config import AugmentationConfig, SkeletonConfig, ValidationConfig
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkeletonTask(AugmentationConfig, SkeletonConfig, ValidationConfig, Task):
    """Action recognition: records with `joints`, `label`, `name`, and the fields of the splits.

    Attributes:
        layout: the joints, a key of `nrnm_keras.preprocessing.LAYOUTS`.
        camera_in_name: regular expression of the part of a sample's name that gives the camera.
    """

    layout: ClassVar[str]
    camera_in_name: ClassVar[str]

    def splits(self) -> dict[str, Any]:
        """Returns the splits by name: the field that divides them, and its training values."""
        raise NotImplementedError

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SkeletonClassification`."""
        from nrnm_keras.tasks.heads.skeleton_classification import SkeletonClassification

        return SkeletonClassification(self, records)

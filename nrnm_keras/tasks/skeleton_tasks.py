"""What tasks on skeletons have in common."""

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
    """Actions of skeletons: records with `joints`, `label`, `name`, and what the splits go by.

    Attributes:
        layout: the joints, a key of `nrnm_keras.preprocessing.LAYOUTS`.
        camera_in_name: the part of a sample's name that tells the camera, a regular expression.
    """

    layout: ClassVar[str]
    camera_in_name: ClassVar[str]

    def splits(self) -> dict[str, Any]:
        """Returns the splits by name: the field that they go by, and its values for training."""
        raise NotImplementedError

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `SkeletonClassification`."""
        from nrnm_keras.tasks.heads.skeleton_classification import SkeletonClassification

        return SkeletonClassification(self, records)

"""A user's own skeletons."""

import dataclasses
import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nrnm_keras.config import OwnFilesConfig
from nrnm_keras.config.options import option
from nrnm_keras.config.skeleton_layout import LAYOUTS
from nrnm_keras.data.files import skeletons_as_npz
from nrnm_keras.errors import UsageError
from nrnm_keras.tasks.skeleton_tasks import SkeletonClassificationTask

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.data.records import Records


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkeletonTask(OwnFilesConfig, SkeletonClassificationTask):
    """Your own labeled skeletons"""

    name: ClassVar[str] = "skeleton"
    dataset: ClassVar[str] = "skeleton_files"
    data_suffix: ClassVar[str] = ".npz"
    layout: str = option(
        "kinect_v2",
        "the joints and their order: the 25 of Kinect v2 (as in NTU RGB+D), or the 20 of Kinect v1 "
        "(as in NW-UCLA)",
        choices=tuple(LAYOUTS),
    )

    def data_content(self, examples: Any, labels: np.ndarray) -> bytes:
        """Returns an .npz archive of joints `(frames, bodies, joints, 3)` that are in memory."""
        return skeletons_as_npz(examples, labels)

    def open_records(self, records: str | os.PathLike) -> "Records":
        """Returns the `Records`, whose skeletons must have the joints of the layout."""
        from nrnm_keras.data.records import Records

        found = Records(records, **self.validation_split())
        num_joints = found.features["joints"].shape[2]
        if num_joints != LAYOUTS[self.layout].num_joints:
            raise UsageError(
                f"{self.train_file or records}: skeletons of {num_joints} joints, not those of "
                f"layout={self.layout}; {_advice(num_joints)}"
            )
        return found


def _advice(num_joints):
    """Says which layout has so many joints, or how many joints each layout has."""
    sizes = {name: layout.num_joints for name, layout in LAYOUTS.items()}
    fitting = [name for name, size in sizes.items() if size == num_joints]
    if fitting:
        return f"--layout={fitting[0]} fits"
    return f"expected {' or '.join(f'{size} ({name})' for name, size in sizes.items())}"

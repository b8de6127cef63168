"""Actions of NTU RGB+D."""

import dataclasses
from typing import Any, ClassVar

from nrnm_keras.config import SourceConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.skeleton_tasks import RecordedActionsTask
from pipelines.ntu_rgbd.samples import SPLITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class NtuRgbdTask(SourceConfig, RecordedActionsTask):
    """NTU RGB+D"""

    name: ClassVar[str] = "ntu_rgbd"
    dataset: ClassVar[str] = "ntu_rgbd"
    source_flag: ClassVar[str] = "ntu_source"
    layout: ClassVar[str] = "kinect_v2"
    camera_in_name: ClassVar[str] = r"C\d+"
    source: str | None = option(
        None, "folder of .skeleton files, or their archives, to build from", flag="ntu_source"
    )
    config: str = option(
        "ntu60", "number of actions", choices=("ntu60", "ntu120"), flag="ntu_config"
    )
    bodies: str = option(
        "tracked",
        "how the two bodies of a sample are chosen",
        choices=("tracked", "authors"),
        flag="ntu_bodies",
    )
    on_error: str = option(
        "fail",
        "what to do with a damaged .skeleton file",
        choices=("fail", "skip"),
        flag="ntu_on_error",
    )
    missing_samples: str | None = option(
        None, "official list of samples with missing skeletons", flag="ntu_missing_samples"
    )

    def build_options(self) -> dict[str, Any]:
        """Returns the path of the raw files, and how they are read."""
        return {
            **super().build_options(),
            "config": self.config,
            "bodies": self.bodies,
            "on_error": self.on_error,
            "missing_samples": self.missing_samples,
        }

    def splits(self) -> dict[str, Any]:
        """Returns the official splits."""
        return SPLITS[self.config]

"""Generated skeleton files in the format of NTU RGB+D."""

import dataclasses
from typing import Any, ClassVar

from nrnm_keras.tasks.skeleton_tasks import RecordedActionsTask
from pipelines.ntu_rgbd.samples import SPLITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class NtuSampleTask(RecordedActionsTask):
    """Generated skeletons"""

    name: ClassVar[str] = "ntu_sample"
    dataset: ClassVar[str] = "ntu_sample"
    notice: ClassVar[str] = "SAMPLE DATA, NOT NTU RGB+D"
    layout: ClassVar[str] = "kinect_v2"
    camera_in_name: ClassVar[str] = r"C\d+"

    def splits(self) -> dict[str, Any]:
        """Returns the official splits of NTU RGB+D."""
        return SPLITS["ntu60"]

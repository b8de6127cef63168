"""Actions of Northwestern-UCLA."""

import dataclasses
from typing import Any, ClassVar

from nrnm_keras.config import SourceConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.skeleton_tasks import RecordedActionsTask
from pipelines.nw_ucla.samples import SPLITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class NwUclaTask(SourceConfig, RecordedActionsTask):
    """NW-UCLA"""

    name: ClassVar[str] = "nw_ucla"
    dataset: ClassVar[str] = "nw_ucla"
    source_flag: ClassVar[str] = "nw_ucla_source"
    layout: ClassVar[str] = "kinect_v1"
    camera_in_name: ClassVar[str] = r"_v\d+"
    source: str | None = option(
        None, "folder of the JSON files, or their archive", flag="nw_ucla_source"
    )

    def splits(self) -> dict[str, Any]:
        """Returns the splits of the literature."""
        return SPLITS

"""Actions of Northwestern-UCLA."""

import dataclasses
from typing import Any, ClassVar

from nrnm_keras.config import SourceConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.skeleton_tasks import SkeletonTask
from pipelines.nw_ucla.samples import SPLITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class NwUclaTask(SourceConfig, SkeletonTask):
    """NW-UCLA"""

    name: ClassVar[str] = "nw_ucla"
    dataset: ClassVar[str] = "nw_ucla"
    source_flag: ClassVar[str] = "nw_ucla_source"
    layout: ClassVar[str] = "kinect_v1"
    camera_in_name: ClassVar[str] = r"_v\d+"
    source: str | None = option(
        None, "folder of the JSON files, or their archive", flag="nw_ucla_source"
    )

    def build_options(self) -> dict[str, Any]:
        """Returns where the raw files are."""
        return {"source": self.source, "source_limit_mb": self.source_limit_mb}

    def splits(self) -> dict[str, Any]:
        """Returns the splits of the literature."""
        return SPLITS

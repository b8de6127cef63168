"""TFDS builder of Northwestern-UCLA Multiview Action 3D."""

from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.left_out import left_out_warnings, usable_examples
from pipelines.limits import NW_UCLA_FILE, option_help
from pipelines.nw_ucla.joints import JOINTS
from pipelines.nw_ucla.samples import ACTIONS, read_samples
from pipelines.paths import StrPath
from pipelines.usable_joints import has_usable_joint

NUM_SAMPLES = {"samples": 1_484}


class NwUcla(DatasetBuilder):
    """Skeleton sequences of ten actions, recorded by three cameras.

    Args:
        source: a folder or zip archive with the JSON files, at any depth.
        source_limit_mb: size of the largest file in MB; 0 for the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    Samples without one usable joint do not become records; a warning names them.

    There is one TFDS split, `samples`; `pipelines.nw_ucla.samples.SPLITS` tells which of its
    records are for training. The source is not part of the build's path: a build from another
    source is used as it is, with a warning.

    Raises:
        SourceError: if the source has no samples or a sample is damaged.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": "folder or .zip with the JSON files (a01_s01_e00_v01.json and so on)",
        "source_limit_mb": option_help("JSON file", NW_UCLA_FILE),
    }

    def __init__(
        self, *, source: StrPath | None = None, source_limit_mb: int = 0, **kwargs: Any
    ) -> None:
        self._set_source(source, source_limit_mb, NW_UCLA_FILE)
        super().__init__(**kwargs)

    def warnings(self) -> list[str]:
        """Returns how the build differs from the complete data set, and a source not read."""
        return [
            *self._count_warnings(NUM_SAMPLES, "samples"),
            *left_out_warnings(self, "without a usable joint"),
            *self._source_warnings(self.info.metadata.get("source")),
        ]

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "joints": tfds.features.Tensor(
                        shape=(None, 1, len(JOINTS), 3), dtype=np.float32, encoding="bytes"
                    ),
                    "label": tfds.features.ClassLabel(names=list(ACTIONS.values())),
                    "camera": tfds.features.Scalar(np.int32),
                    "subject": tfds.features.Scalar(np.int32),
                    "environment": tfds.features.Scalar(np.int32),
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=("joints", "label"),
            homepage="https://wangjiangb.github.io/my_data.html",
            metadata=tfds.core.MetadataDict(source=self._source),
        )

    def _split_generators(self, dl_manager):
        return {"samples": self._generate_examples(self._given_source())}

    def _generate_examples(self, source):
        samples = (
            (
                sample.name,
                sample.name,
                sample._asdict() if has_usable_joint(sample.joints) else None,
            )
            for sample in read_samples(source, self._limit)
        )
        return usable_examples(self, samples, f"{source}: no sample has a usable joint")

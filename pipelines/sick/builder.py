"""TFDS builder of SICK 2014."""

from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.limits import TABLE, option_help
from pipelines.paths import StrPath
from pipelines.sick.samples import FILES, JUDGMENTS, read_pairs

NUM_PAIRS = {"train": 4_500, "validation": 500, "test": 4_927}


class Sick(DatasetBuilder):
    """Pairs of sentences, the relatedness of their meanings, and whether one entails the other.

    Args:
        source: the folder with `SICK_train.txt`, `SICK_trial.txt` and `SICK_test_annotated.txt`.
        source_limit_mb: size of the largest file in MB; 0 for the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The source is not part of the build's path: a build from another source is used as it is, with a
    warning.

    Raises:
        SourceError: if the source is missing or anything in it is wrong.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": f"folder with {', '.join(FILES.values())}",
        "source_limit_mb": option_help("file", TABLE),
    }

    def __init__(
        self, *, source: StrPath | None = None, source_limit_mb: int = 0, **kwargs: Any
    ) -> None:
        self._set_source(source, source_limit_mb, TABLE)
        super().__init__(**kwargs)

    def warnings(self) -> list[str]:
        """Returns how the build differs from the complete data set, and a source not read."""
        differing = self._count_warnings(NUM_PAIRS, "pairs")
        return differing + self._source_warnings(self.info.metadata.get("source"))

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "first": tfds.features.Text(),
                    "second": tfds.features.Text(),
                    "relatedness": tfds.features.Scalar(np.float32),
                    "entailment": tfds.features.ClassLabel(names=list(JUDGMENTS.values())),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=(("first", "second"), "relatedness"),
            homepage="https://alt.qcri.org/semeval2014/task1",
            metadata=tfds.core.MetadataDict(source=self._source),
        )

    def _split_generators(self, dl_manager):
        pairs = read_pairs(self._given_source(), self._limit)
        return {split: self._generate_examples(pairs[split]) for split in FILES}

    def _generate_examples(self, pairs):
        for pair in pairs:
            yield pair.id, pair._asdict()

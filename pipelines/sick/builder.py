"""TFDS builder of SICK 2014."""

import os

import numpy as np
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.limits import TABLE, in_bytes, option_help
from pipelines.sick.samples import FILES, JUDGEMENTS, read_pairs

NUM_PAIRS = {"train": 4_500, "validation": 500, "test": 4_927}


class Sick(DatasetBuilder):
    """Pairs of sentences, how related their meanings are, and whether one entails the other.

    Args:
        source: the folder with `SICK_train.txt`, `SICK_trial.txt` and `SICK_test_annotated.txt`.
        source_limit_mb: size of the largest file in MB; 0 is the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The source is not part of the build's path: a build made from another source is used as it is,
    with a warning.

    Raises:
        SourceError: if the source is missing or anything in it is wrong.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": f"folder with {', '.join(FILES.values())}",
        "source_limit_mb": option_help("file", TABLE),
    }

    def __init__(self, *, source=None, source_limit_mb=0, **kwargs):
        self._limit = in_bytes(source_limit_mb, TABLE)
        self._source = os.path.abspath(os.path.expanduser(source)) if source else None
        super().__init__(**kwargs)

    def warnings(self):
        """Returns what differs from the whole data set, and a source that was not read."""
        splits = self.info.splits
        differing = [
            f"split {name} has {splits[name].num_examples:,} pairs, the whole data set {expected:,}"
            for name, expected in NUM_PAIRS.items()
            if splits[name].num_examples != expected
        ]
        return differing + self._other_source(self.info.metadata.get("source"))

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "first": tfds.features.Text(),
                    "second": tfds.features.Text(),
                    "relatedness": tfds.features.Scalar(np.float32),
                    "entailment": tfds.features.ClassLabel(names=list(JUDGEMENTS.values())),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=(("first", "second"), "relatedness"),
            homepage="https://alt.qcri.org/semeval2014/task1",
            metadata=tfds.core.MetadataDict(source=self._source),
        )

    def _split_generators(self, dl_manager):
        if not self._source:
            raise SourceError(f"no source given; expected the {self.OPTIONS['source']}")
        pairs = read_pairs(self._source, self._limit)
        return {split: self._generate_examples(pairs[split]) for split in FILES}

    def _generate_examples(self, pairs):
        for pair in pairs:
            yield pair.id, pair._asdict()

"""TFDS builder of FLIP secondary structure."""

from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.flip_secondary_structure.samples import FILES, STATES, read_chains
from pipelines.limits import TABLE, option_help
from pipelines.paths import StrPath

NUM_CHAINS = {"train": 9_712, "validation": 1_080, "test": 364}


class FlipSecondaryStructure(DatasetBuilder):
    """Protein chains with the state (coil, strand or helix) of every residue.

    Args:
        source: the folder with `sequences.fasta`, `sampled.fasta` and `mask.fasta`.
        source_limit_mb: size of the largest file in MB; 0 for the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The files' headers name the splits; a split without chains is left out. The source is not part
    of the build's path: a build from another source is used as it is, with a warning.

    Raises:
        SourceError: if the source is missing or anything in it is wrong.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": f"folder with {', '.join(FILES)}",
        "source_limit_mb": option_help("FASTA file", TABLE),
    }

    def __init__(
        self, *, source: StrPath | None = None, source_limit_mb: int = 0, **kwargs: Any
    ) -> None:
        self._set_source(source, source_limit_mb, TABLE)
        super().__init__(**kwargs)

    def warnings(self) -> list[str]:
        """Returns how the build differs from the complete data set, and a source not read."""
        differing = self._count_warnings(NUM_CHAINS, "chains")
        return differing + self._source_warnings(self.info.metadata.get("source"))

    def summary(self) -> list[str]:
        """Returns a line that explains the counts in the table of splits."""
        return ["states are counted over the resolved residues"]

    def label_counts(self, split: str) -> dict[int, int]:
        """Returns state -> number of resolved residues of a split."""
        import tensorflow as tf

        records = tf.data.TFRecordDataset(self.info.splits[split].filepaths).batch(256)
        per_residue = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
        counts = np.zeros(len(STATES), np.int64)
        for batch in records:
            batch = tf.io.parse_example(batch, {"states": per_residue, "resolved": per_residue})
            states = batch["states"][batch["resolved"] == 1]  # False pads the shorter chains
            counts += np.bincount(states, minlength=len(STATES))
        return dict(enumerate(counts.tolist()))

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "residues": tfds.features.Text(),
                    "states": tfds.features.Sequence(
                        tfds.features.ClassLabel(names=list(STATES.values()))
                    ),
                    "resolved": tfds.features.Tensor(shape=(None,), dtype=np.bool_),
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=("residues", "states"),
            homepage="https://benchmark.protein.properties",
            metadata=tfds.core.MetadataDict(source=self._source),
        )

    def _split_generators(self, dl_manager):
        chains = list(read_chains(self._given_source(), self._limit))
        return {
            split: self._generate_examples(chains, split)
            for split in NUM_CHAINS
            if any(chain.split == split for chain in chains)
        }

    def _generate_examples(self, chains, split):
        for chain in chains:
            if chain.split == split:
                record = chain._asdict()
                del record["split"]
                yield chain.name, record

"""TFDS builder of FLIP's secondary structure."""

import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.flip_secondary_structure.samples import FILES, STATES, read_chains
from pipelines.limits import TABLE, in_bytes, option_help

NUM_CHAINS = {"train": 9_712, "validation": 1_080, "test": 364}


class FlipSecondaryStructure(DatasetBuilder):
    """Protein chains with a state, coil, strand or helix, for every residue.

    Args:
        source: the folder with `sequences.fasta`, `sampled.fasta` and `mask.fasta`.
        source_limit_mb: size of the largest file in MB; 0 is the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The splits are those of the files' headers; one without chains is left out. The source is not
    part of the build's path: a build made from another source is used as it is, with a warning.

    Raises:
        SourceError: if the source is missing or anything in it is wrong.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": f"folder with {', '.join(FILES)}",
        "source_limit_mb": option_help("FASTA file", TABLE),
    }

    def __init__(self, *, source=None, source_limit_mb=0, **kwargs):
        self._limit = in_bytes(source_limit_mb, TABLE)
        self._source = os.path.abspath(os.path.expanduser(source)) if source else None
        super().__init__(**kwargs)

    def warnings(self):
        """Returns what differs from the whole data set, and a source that was not read."""
        splits = self.info.splits
        found = {name: splits[name].num_examples if name in splits else 0 for name in NUM_CHAINS}
        differing = [
            f"split {name} has {found[name]:,} chains, the whole data set {expected:,}"
            for name, expected in NUM_CHAINS.items()
            if found[name] != expected
        ]
        return differing + self._other_source(self.info.metadata.get("source"))

    def summary(self):
        """Returns what the states in the table of splits are counted over."""
        return ["states are counted over the resolved residues"]

    def label_counts(self, split):
        """Returns state -> number of resolved residues of a split."""
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
        if not self._source:
            raise SourceError(f"no source given; expected the {self.OPTIONS['source']}")
        chains = list(read_chains(self._source, self._limit))
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

"""What every data set here adds to a TFDS builder."""

import pathlib
from collections import Counter

import tensorflow as tf
import tensorflow_datasets as tfds

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.manifest import check_sizes, write_manifest
from pipelines.publishing import sync_tree


class _WithOptions:
    """Options that are keyword arguments of the constructor, a manifest and a summary of the build.

    Attributes:
        OPTIONS: the constructor's own keyword arguments, each with one line of help. The build
            command makes a flag of each, an integer one where the default is an integer.
        CHOICES: the allowed values of those options that have but a few.

    Options that change the records belong into the builder config's name, hence into the path, so
    that a finished build is found again exactly when it is the one that was asked for.
    """

    OPTIONS: dict[str, str] = {}
    CHOICES: dict[str, tuple[str, ...]] = {}

    def warnings(self) -> list[str]:
        """Returns what a user should know about the finished build, one line each."""
        return []

    def summary(self) -> list[str]:
        """Returns what the build command adds to its table of splits, one line each."""
        return []

    def label_counts(self, split) -> dict[int, int]:
        """Returns label -> number of examples of a split; empty if they have no class label."""
        label = class_feature(self.info.features)
        if label is None:
            return {}
        records = tf.data.TFRecordDataset(self.info.splits[split].filepaths).batch(4096)
        only_label = {label: tf.io.FixedLenFeature([], tf.int64)}
        counts = Counter()
        for batch in records:
            counts.update(tf.io.parse_example(batch, only_label)[label].numpy().tolist())
        return dict(counts)

    def _other_source(self, built_from):
        """Returns what to say of a source that was not read, since there was a build already."""
        if not self._source or built_from == self._source:
            return []
        return [
            f"already built from {built_from}, {self._source} was not read; "
            f"to build from it, remove {self.data_dir}"
        ]

    def _check_choices(self, **options):
        """Raises a SourceError if an option has a value other than those in `CHOICES`."""
        for name, value in options.items():
            if value not in self.CHOICES[name]:
                allowed = " or ".join(self.CHOICES[name])
                raise SourceError(f"{name}={quoted(value)}; expected {allowed}")

    def _build_data_dir(self, data_dir):
        """Returns the root and the build's folder, checked before TFDS reads a finished build."""
        root, path = super()._build_data_dir(data_dir)
        if pathlib.Path(path, "dataset_info.json").exists():
            check_sizes(path)
        return root, path

    def _download_and_prepare(self, dl_manager, download_config=None):
        """Writes the records, then their manifest, all before the folder gets its final name."""
        super()._download_and_prepare(dl_manager, download_config)
        self._finish_build()
        # TFDS writes these files once more after this method, with the same content.
        self.info.download_size = dl_manager.downloaded_size
        self.info.write_to_directory(self.data_path)
        splits = {name: split.filenames for name, split in self.info.splits.items()}
        write_manifest(self.data_path, splits)
        sync_tree(self.data_path)

    def _finish_build(self):
        """Writes what else a build consists of, when its records are written."""

    def _example_writer(self):
        return _DeterministicWriter(file_format=self.info.file_format)


class DatasetBuilder(_WithOptions, tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder of examples that fit into memory, or nearly: TFDS keeps up to 1 GB of them there.

    Options, summary: see `OPTIONS`, `CHOICES`, `warnings`, `summary`.
    """


class ShardedDatasetBuilder(_WithOptions, tfds.core.ShardBasedBuilder, skip_registration=True):
    """A builder that writes shard after shard, in memory that does not grow with the data.

    Options, summary: see `OPTIONS`, `CHOICES`, `warnings`, `summary`.
    """


def class_feature(features):
    """Returns the name of the feature with class labels, one or one a step; None if none has.

    Args:
        features: a `tfds.features.FeaturesDict`.
    """
    for name, feature in features.items():
        if isinstance(getattr(feature, "feature", feature), tfds.features.ClassLabel):
            return name
    return None


class _DeterministicWriter(tfds.core.ExampleWriter):
    """Writes the features of every record in sorted order.

    TFDS serialises without asking for an order, and protobuf's then differs between processes.
    """

    def write(self, path, examples):
        def in_order(record):
            return tf.train.Example.FromString(record).SerializeToString(deterministic=True)

        return super().write(path, ((key, in_order(record)) for key, record in examples))

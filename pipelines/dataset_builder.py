"""Base classes of this package's TFDS builders."""

import pathlib
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from pipelines.argument_checks import check_choice
from pipelines.errors import SourceError
from pipelines.limits import in_bytes
from pipelines.manifest import check_sizes, write_manifest
from pipelines.paths import absolute
from pipelines.publishing import sync_tree


class _WithOptions:
    """Adds options, a check of the source, a manifest and a summary to a TFDS builder.

    Attributes:
        OPTIONS: the constructor's own keyword arguments, each with one line of help. The build
            command defines a flag for each, whose type is that of the argument's default.
        CHOICES: the allowed values of the options that have only a few.
        RENAMED: former name of an option -> its name. The former name is still accepted.

    Options that change the records belong in the builder config's name, and so in the path: a
    finished build is then reused only if it is the one that was requested.
    """

    OPTIONS: ClassVar[Mapping[str, str]] = {}
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    RENAMED: ClassVar[Mapping[str, str]] = {}
    info: tfds.core.DatasetInfo
    _source: str | None = None

    def __init_subclass__(cls, skip_registration=True, **kwargs):
        super().__init_subclass__(skip_registration=skip_registration, **kwargs)
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if file:  # TFDS looks for the files beside the builder in the package's first folder only
            cls.code_path = tfds.core.Path(file)
            cls.pkg_dir_path = cls.code_path.parent

    def warnings(self) -> list[str]:
        """Returns what a user should know about the finished build, one line each."""
        return []

    def summary(self) -> list[str]:
        """Returns the lines that the build command prints below its table of splits."""
        return []

    def label_counts(self, split: str) -> dict[int, int]:
        """Returns label -> number of examples of a split; empty without class labels."""
        label = class_feature(self.info.features)
        if label is None:
            return {}
        import tensorflow as tf

        records = tf.data.TFRecordDataset(self.info.splits[split].filepaths).batch(4096)
        only_label = {label: tf.io.FixedLenFeature([], tf.int64)}
        counts: Counter[int] = Counter()
        for batch in records:
            counts.update(tf.io.parse_example(batch, only_label)[label].numpy().tolist())
        return dict(counts)

    def _set_source(self, source, source_limit_mb, usual_limit):
        """Sets the path of the raw data and the bound on what is read at once, in bytes."""
        self._source = absolute(source) if source else None
        self._limit = in_bytes(source_limit_mb, usual_limit)

    def _given_source(self):
        """Returns the path of the raw data; raises a `SourceError` if it was not given."""
        if not self._source:
            raise SourceError(f"no source given; expected the {self.OPTIONS['source']}")
        return self._source

    def _count_warnings(self, complete, unit):
        """Returns a line for each split whose size differs from the complete data set's."""
        splits = self.info.splits
        found = {name: splits[name].num_examples if name in splits else 0 for name in complete}
        return [
            f"split {name} has {found[name]:,} {unit}, the complete data set has {number:,}"
            for name, number in complete.items()
            if found[name] != number
        ]

    def _source_warnings(self, built_from):
        """Returns a line if a finished build from another source was used."""
        if not self._source or built_from == self._source:
            return []
        return [
            f"already built from {built_from}; {self._source} was not read; "
            f"to build from it, remove {self.data_dir}"
        ]

    def _check_choices(self, **options):
        """Raises a `SourceError` if an option has a value that `CHOICES` does not list."""
        for name, value in options.items():
            check_choice(self.CHOICES[name], **{name: value})

    def _build_data_dir(self, data_dir):
        """Returns the root and the build's folder, checked before TFDS reads a finished build."""
        root, path = super()._build_data_dir(data_dir)
        if pathlib.Path(path, "dataset_info.json").exists():
            check_sizes(path)
        return root, path

    def _download_and_prepare(self, dl_manager, download_config=None):
        """Writes the records and their manifest before the folder gets its final name."""
        super()._download_and_prepare(dl_manager, download_config)
        self._finish_build()
        # TFDS writes these files once more after this method, with the same content.
        self.info.download_size = dl_manager.downloaded_size
        self.info.write_to_directory(self.data_path)
        splits = {name: split.filenames for name, split in self.info.splits.items()}
        write_manifest(self.data_path, splits)
        sync_tree(self.data_path)

    def _finish_build(self):
        """Writes the build's other files after its records."""

    def _example_writer(self):
        return _DeterministicWriter(file_format=self.info.file_format)


class DatasetBuilder(_WithOptions, tfds.core.GeneratorBasedBuilder):
    """A builder for examples that fit in memory, or nearly: TFDS keeps up to 1 GB of them there.

    A subclass sets `OPTIONS` and may set `CHOICES` and `RENAMED`; it may override `warnings` and
    `summary`.
    """


class ShardedDatasetBuilder(_WithOptions, tfds.core.ShardBasedBuilder):
    """A builder that writes one shard after another; its memory does not grow with the data.

    A subclass sets `OPTIONS` and may set `CHOICES` and `RENAMED`; it may override `warnings` and
    `summary`.
    """


def class_feature(features: tfds.features.FeaturesDict) -> str | None:
    """Returns the name of the feature that holds class labels, one per example or per step.

    Args:
        features: the features of a data set.

    Returns:
        The name, or None if no feature holds class labels.
    """
    for name, feature in features.items():
        if isinstance(getattr(feature, "feature", feature), tfds.features.ClassLabel):
            return name
    return None


def label_names(features: tfds.features.FeaturesDict) -> dict[int, str]:
    """Returns label -> class name; label -1 stands for unlabeled examples."""
    label = class_feature(features)
    return {-1: "unlabeled", **dict(enumerate(features[label].names if label else []))}


class _DeterministicWriter(tfds.core.ExampleWriter):
    """Writes the features of every record in sorted order.

    TFDS leaves the order to protobuf, whose order differs between processes.
    """

    def write(self, path: Any, examples: Any) -> Any:
        import tensorflow as tf

        def in_order(record):
            return tf.train.Example.FromString(record).SerializeToString(deterministic=True)

        return super().write(path, ((key, in_order(record)) for key, record in examples))

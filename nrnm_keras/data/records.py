"""Records: the splits of a data set's TFRecords."""

import copy
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from nrnm_keras.data.checks import check_record
from nrnm_keras.errors import UsageError
from pipelines.open_build import FEATURE_NAMES, open_build

# The single TFDS split of a data set whose records are split when they are read.
_ALL = "samples"


class Records:
    """The splits `train`, `validation` and, where the data set has it, `test`.

    If the data set has no validation split, its last training records become one. The order of the
    records depends only on a hash of their keys, so the split is the same in every run, whatever
    the seed, and runs can be compared.

    Args:
        path: folder of a built version, as `pipelines.build.build` returns it.
        validation_fraction: float between 0 and 1, the fraction of the training records.
        number: function from a record to an integer tensor, for data in which records with close
            numbers belong together. The records with the highest numbers become the validation
            split.
        is_training: function from a record to a boolean tensor, for data with a single split,
            `samples`. The other records are the test split.
        max_timesteps: integer, the largest length of a sequence that is expected. Default: any.
        stratified: whether the validation split has the same fraction of each class.
        folds: integer. If more than 1, there is no validation split; `fold` takes one of so many
            stratified parts.

    Both functions get the scalar features only.

    Attributes:
        path: the folder.
        sizes: number of examples of each split.
        features: the TFDS features.

    Raises:
        UsageError: if there are too few records for a validation split.
        SourceError: if a file beside the records is missing or damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        validation_fraction: float = 0.1,
        number: Callable | None = None,
        is_training: Callable | None = None,
        max_timesteps: int | None = None,
        stratified: bool = False,
        folds: int = 1,
    ) -> None:
        self.path = path
        self._max_timesteps = max_timesteps
        self._folds = folds
        self._builder = open_build(path)
        self.features = self._builder.info.features
        available = {name: info.num_examples for name, info in self._builder.info.splits.items()}
        # For each split: the TFDS split that holds its records, the predicate that selects them
        # (None: all), and their positions.
        self._split_of = {"train": "train", "validation": "validation", "test": "test"}
        self._keep = dict.fromkeys(self._split_of)
        # The splits whose places are scattered: whether each place of the TFDS split is one.
        self._scattered: dict[str, np.ndarray] = {}
        self._places = {name: np.arange(available.get(name, 0)) for name in self._split_of}
        if is_training:
            self._split_of |= {"train": _ALL, "test": _ALL}
            self._keep |= {"train": is_training, "test": _none_of(is_training)}
            for_training = self._values(is_training).astype(bool)
            self._places |= {
                "train": np.flatnonzero(for_training),
                "test": np.flatnonzero(~for_training),
            }
        if not len(self._places["train"]):
            raise UsageError(
                f"{path}: none of its {len(self._places['test'])} records is for training; "
                "expected at least two, one of them for validation"
            )
        if "validation" in available or folds > 1:
            return
        if stratified:
            self._take_strata(validation_fraction)
        else:
            self._take_validation(validation_fraction, number)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the labels."""
        return _class_label(self.features[self._builder.info.supervised_keys[1]]).names

    @property
    def num_classes(self) -> int | None:
        """The number of classes that labels are checked for; None if the target is not a class."""
        target = self._builder.info.supervised_keys[1]
        return getattr(_class_label(self.features[target]), "num_classes", None)

    @property
    def feature_names(self) -> list[str] | None:
        """The names of the features of a step, if the raw data had them."""
        return (self._builder.info.metadata or {}).get(FEATURE_NAMES)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of examples of each split that is not empty."""
        return {name: len(places) for name, places in self._places.items() if len(places)}

    @property
    def labeled(self) -> int:
        """The number of training examples that have a label."""
        return self.sizes["train"]

    def read(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the records of a split as a `tf.data.Dataset` of dictionaries.

        Each record is checked as it is read: see `check_record` and `faults_named`.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            part: integer, which of `num_parts` parts is read. No other part's files are opened
                unless two parts share one.
            num_parts: positive integer. The sizes of the parts differ by at most one record, as
                with `numpy.array_split`.
        """
        places = np.array_split(self._places[split], num_parts)[part]
        records = self._read(split, places)
        return records.apply(tf.data.experimental.assert_cardinality(len(places)))

    def fold(self, index: int) -> "Records":
        """Returns the same records with every `folds`th example of each class for validation.

        Args:
            index: integer from 0 to `folds - 1`.
        """
        fold = copy.copy(self)
        fold._split_of, fold._places = dict(self._split_of), dict(self._places)
        fold._scattered = dict(self._scattered)
        rank, size = self._class_ranks()
        is_for_training = np.ones(len(self._places["train"]), bool)
        # Small classes do not all begin in the same part. Unlabeled examples come last.
        is_for_training[: len(rank)] = (rank + size) % self._folds != index
        fold._divide(is_for_training, f"folds={self._folds}")
        fold._scatter()
        return fold

    def leave_out_test(self) -> None:
        """Drops the test split: it is no longer counted and cannot be read."""
        self._places.pop("test", None)

    def _read(self, split, places):
        """Returns the records between the first and the last of some places, checked."""
        records = self._stored(split, places[0], places[-1] + 1)
        contents, target = self._builder.info.supervised_keys
        num_classes = self._num_classes_of(split)

        def check(record):
            for content in [contents] if isinstance(contents, str) else contents:
                record = check_record(
                    record, split, content, target, num_classes, self._max_timesteps
                )
            return record

        return records.map(check)

    def _num_classes_of(self, split):
        """Returns the number of classes that the labels of a split are checked for, or None."""
        return self.num_classes

    def _stored(self, split, first, last):
        """Returns the records `first` to `last - 1` as they are stored."""
        is_scattered = split in self._scattered
        # One file after the other, so that places can be counted.
        config = tfds.ReadConfig(interleave_cycle_length=1) if is_scattered else None
        records = self._builder.as_dataset(
            split=tfds.core.ReadInstruction(
                self._split_of[split], from_=int(first), to=int(last), unit="abs"
            ),
            shuffle_files=False,
            read_config=config,
        )
        if is_scattered:
            is_one = tf.constant(self._scattered[split])
            records = records.enumerate(int(first)).filter(lambda place, _: is_one[place])
            return records.map(lambda _, record: record)
        return records.filter(self._keep[split]) if self._keep[split] else records

    def _values(self, function):
        """Returns an integer for each record of the TFDS split of the training records, in order.

        Only scalar features are read.
        """
        single = {name: feature for name, feature in self.features.items() if feature.shape == ()}
        records = self._builder.as_dataset(
            split=self._split_of["train"],
            shuffle_files=False,
            decoders=tfds.decode.PartialDecoding(single),
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
        values = records.map(lambda record: tf.cast(function(record), tf.int64))
        return np.array(list(values.as_numpy_iterator()), dtype="int64")

    def _take_validation(self, fraction, number):
        places = self._places["train"]
        train = len(places) - max(1, round(fraction * len(places)))
        is_for_training = np.arange(len(places)) < train
        if number is not None and train > 0:
            numbers = self._values(number)[places]
            first = np.sort(numbers)[train]
            is_for_training = numbers < first
            keep = self._keep["train"] or (lambda record: True)

            def is_validation(record):
                return number(record) >= first

            self._keep["train"] = _all_of(keep, _none_of(is_validation))
            self._keep["validation"] = _all_of(keep, is_validation)
        self._divide(is_for_training, f"validation_fraction={fraction}")

    def _take_strata(self, fraction):
        """Takes the last examples of each class, at least one in all, for validation."""
        rank, size = self._class_ranks()
        # Fractions of each class from its end: those nearest to the end are taken.
        position = (size - rank - 0.5) / np.maximum(size, 1)
        count = max(1, round(fraction * len(size)))
        is_for_training = np.ones(len(size), bool)
        is_for_training[np.argsort(position, kind="stable")[:count]] = False
        self._divide(is_for_training, f"validation_fraction={fraction}")
        self._scatter()

    def _class_ranks(self):
        """Returns the rank of each training example in its class, and the size of the class."""
        target = self._builder.info.supervised_keys[1]
        labels = self._values(lambda record: record[target])
        rank, size = np.zeros(len(labels), int), np.zeros(len(labels), int)
        for label in np.unique(labels):
            of_class = labels == label
            size[of_class] = of_class.sum()
            rank[of_class] = np.arange(of_class.sum())
        return rank, size

    def _divide(self, is_for_training, how):
        """Divides the training examples into those and the validation split."""
        places = self._places["train"]
        if not is_for_training.any() or is_for_training.all():
            raise UsageError(
                f"{self.path}: {len(places)} training examples are too few for a validation split "
                f"of {how}"
            )
        self._split_of["validation"] = self._split_of["train"]
        self._places |= {"train": places[is_for_training], "validation": places[~is_for_training]}

    def _scatter(self):
        """Notes that the places of the two splits are scattered."""
        count = max(self._places["train"].max(), self._places["validation"].max()) + 1
        for split in ("train", "validation"):
            self._scattered[split] = np.isin(np.arange(count), self._places[split])


def _class_label(feature):
    """Returns the feature of a single label, also if each step has one."""
    return feature.feature if isinstance(feature, tfds.features.Sequence) else feature


def _all_of(*predicates):
    return lambda record: tf.reduce_all([predicate(record) for predicate in predicates])


def _none_of(predicate):
    return lambda record: tf.logical_not(predicate(record))

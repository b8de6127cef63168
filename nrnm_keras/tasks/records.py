"""Records: the splits of a data set's TFRecords."""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from nrnm_keras.errors import UsageError

# The one TFDS split of a data set whose records are told apart when reading.
_ALL = "samples"


class Records:
    """The splits `train`, `validation` and, where the data set has it, `test`.

    Without a validation split of its own, the data set's last training records become one. The
    records lie in an order that depends on nothing but their keys, mixed by a hash: the split is
    the same in every run, whatever its seed, so that runs can be compared.

    Args:
        path: folder of a built version, as `pipelines.build.build` returns it.
        validation_fraction: float between 0 and 1, the share of the training records.
        number: function from a record to an integer tensor, for data in which records of near
            numbers belong together: those of the highest numbers then become the validation split.
        is_training: function from a record to a boolean tensor, for data whose records lie in one
            split, `samples`: the others are the test split.

    Both functions see the features that are single values.

    Attributes:
        path: the folder.
        sizes: number of examples of each split.
        features: the TFDS features.

    Raises:
        UsageError: if there are too few records to take a validation split from.
    """

    def __init__(self, path, validation_fraction=0.1, number=None, is_training=None):
        self.path = path
        self._builder = tfds.builder_from_directory(path)
        self.features = self._builder.info.features
        available = {name: info.num_examples for name, info in self._builder.info.splits.items()}
        # Where the records of each split lie, and which of those that lie there are its own.
        self._slices = {"train": "train", "validation": "validation", "test": "test"}
        self._keep = {}
        if is_training:
            self._slices |= {"train": _ALL, "test": _ALL}
            self._keep = {"train": is_training, "test": _none_of(is_training)}
        numbers = None
        if is_training or (number and "validation" not in available):
            numbers = self._values("train", number or (lambda record: tf.zeros((), tf.int64)))
        if is_training:
            available = {"train": len(numbers), "test": available[_ALL] - len(numbers)}
        self.sizes = {name: available[name] for name in self._slices if available.get(name)}
        if "train" not in self.sizes:
            raise UsageError(f"{path}: none of its {available['test']} records is for training")
        if "validation" not in available:
            self._take_validation(validation_fraction, number, numbers)

    def read(self, split):
        """Returns the records of a split as a `tf.data.Dataset` of dictionaries."""
        return self._read(split).apply(tf.data.experimental.assert_cardinality(self.sizes[split]))

    def _read(self, split, decoders=None):
        records = self._builder.as_dataset(
            split=self._slices[split], shuffle_files=False, decoders=decoders
        )
        return records.filter(self._keep[split]) if split in self._keep else records

    def _values(self, split, function):
        """Returns an integer for each record of a split, reading single values only."""
        single = {name: feature for name, feature in self.features.items() if feature.shape == ()}
        records = self._read(split, tfds.decode.PartialDecoding(single))
        return np.array(list(records.map(function).as_numpy_iterator()), dtype="int64")

    def _take_validation(self, fraction, number, numbers):
        total = self.sizes["train"]
        train = total - max(1, round(fraction * total))
        if number is not None and train > 0:
            numbers = np.sort(numbers)
            first = numbers[train]
            train = int(np.sum(numbers < first))
        if train < 1:
            raise UsageError(
                f"{self.path}: {total} training examples are too few for a validation split of "
                f"validation_fraction={fraction}"
            )
        self.sizes |= {"train": train, "validation": total - train}
        self._slices["validation"] = self._slices["train"]
        if number is None:
            self._slices |= {"train": f"train[:{train}]", "validation": f"train[{train}:]"}
            return
        is_training = self._keep.get("train", lambda record: True)

        def is_validation(record):
            return number(record) >= first

        self._keep["train"] = _all_of(is_training, _none_of(is_validation))
        self._keep["validation"] = _all_of(is_training, is_validation)


def _all_of(*predicates):
    return lambda record: tf.reduce_all([predicate(record) for predicate in predicates])


def _none_of(predicate):
    return lambda record: tf.logical_not(predicate(record))

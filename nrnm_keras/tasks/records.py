"""Records: the splits of a data set's TFRecords."""

import numpy as np
import tensorflow_datasets as tfds

from nrnm_keras.errors import UsageError


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

    Attributes:
        path: the folder.
        sizes: number of examples of each split.
        features: the TFDS features.

    Raises:
        UsageError: if there are too few records to take a validation split from.
    """

    def __init__(self, path, validation_fraction=0.1, number=None):
        self.path = path
        self._builder = tfds.builder_from_directory(path)
        self.features = self._builder.info.features
        available = {name: info.num_examples for name, info in self._builder.info.splits.items()}
        self._slices = {"train": "train", "validation": "validation", "test": "test"}
        self.sizes = {name: available[name] for name in self._slices if name in available}
        self._keep = {}
        if "validation" not in available:
            self._take_validation(validation_fraction, number)

    def read(self, split):
        """Returns the records of a split as a `tf.data.Dataset` of dictionaries."""
        records = self._builder.as_dataset(split=self._slices[split], shuffle_files=False)
        return records.filter(self._keep[split]) if split in self._keep else records

    def _take_validation(self, fraction, number):
        total = self.sizes["train"]
        train = total - max(1, round(fraction * total))
        if number is not None and train > 0:
            numbers = np.sort([int(n) for n in self.read("train").map(number)])
            first = numbers[train]
            train = int(np.sum(numbers < first))
        if train < 1:
            raise UsageError(
                f"{self.path}: {total} training examples are too few for a validation split of "
                f"validation_fraction={fraction}"
            )
        self.sizes |= {"train": train, "validation": total - train}
        if number is None:
            self._slices |= {"train": f"train[:{train}]", "validation": f"train[{train}:]"}
        else:
            self._slices["validation"] = "train"
            self._keep = {
                "train": lambda record: number(record) < first,
                "validation": lambda record: number(record) >= first,
            }

"""TFDS builder of a user's own labeled sequences of numbers."""

import numpy as np
import tensorflow_datasets as tfds

from pipelines.labeled_files import LabeledFiles
from pipelines.limits import ARRAYS, LINE, option_help
from pipelines.sequence_files.reader import describe, read_labels, read_sequences


class SequenceFiles(LabeledFiles):
    """Sequences with class labels from .npz or .ts files.

    Arguments and errors are those of `LabeledFiles`. In addition, all files must have the number of
    features of the training file.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".npz (x or values and row_splits, y) or .ts file; it defines the classes",
        "validation_file": "a file for the validation split",
        "test_file": "a file for the test split",
        "source_limit_mb": option_help("arrays of an .npz file, or line of a .ts", ARRAYS, LINE),
    }
    CONTENT = "sequence"
    FORMATS = "an .npz or .ts file"

    def warnings(self) -> list[str]:
        """Returns a line for what was guessed about each file, and what was left out."""
        lines = [line for path in self._files.values() for line in describe(path, self._limit)]
        return [*lines, *super().warnings()]

    def _content_feature(self, path):
        num_features, _ = read_labels(path, self._limit)
        return tfds.features.Tensor(shape=(None, num_features), dtype=np.float32, encoding="bytes")

    def _labels(self, path):
        return read_labels(path, self._limit)[1]

    def _read(self, path, with_labels):
        num_features = self.info.features[self.CONTENT].shape[1]
        for sequence in read_sequences(path, with_labels, num_features, self._limit, True):
            yield sequence.number, sequence.place, sequence.values, sequence.label

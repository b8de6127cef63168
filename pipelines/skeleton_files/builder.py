"""TFDS builder of a user's own labeled skeletons."""

import numpy as np
import tensorflow_datasets as tfds

from pipelines.labeled_files import LabeledFiles
from pipelines.limits import ARRAYS, option_help
from pipelines.sequence_files.npz_file import describe_npz
from pipelines.skeleton_files.reader import SKELETONS, read_labels, read_skeletons


class SkeletonFiles(LabeledFiles):
    """Skeletons with class labels from .npz files.

    Arguments and errors are those of `LabeledFiles`. In addition, all files must have the numbers
    of bodies and joints of the training file. Skeletons without one usable joint do not become
    records; a warning names them.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".npz file (x or values and row_splits, y); it defines the classes",
        "validation_file": "a file for the validation split",
        "test_file": "a file for the test split",
        "source_limit_mb": option_help("arrays of an .npz file", ARRAYS),
    }
    CONTENT = "joints"
    EXAMPLE = "skeleton"
    EMPTY = "without one usable joint"
    FORMATS = "an .npz file"

    def warnings(self) -> list[str]:
        """Returns a line for each file with one-hot labels, and what was left out."""
        lines = [
            line
            for path in self._files.values()
            for line in describe_npz(path, self._limit or ARRAYS, SKELETONS)
        ]
        return [*lines, *super().warnings()]

    def _content_feature(self, path):
        (bodies, joints), _ = read_labels(path, self._limit)
        shape = (None, bodies, joints, 3)
        return tfds.features.Tensor(shape=shape, dtype=np.float32, encoding="bytes")

    def _labels(self, path):
        return read_labels(path, self._limit)[1]

    def _read(self, path, with_labels):
        frame = self.info.features[self.CONTENT].shape[1:3]
        for skeleton in read_skeletons(path, with_labels, frame, self._limit):
            yield skeleton.number, skeleton.place, skeleton.joints, skeleton.label

"""TFDS builder of a user's own labelled sequences of numbers."""

import pathlib

import numpy as np
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.labelled_files import class_names, content_hash
from pipelines.sequence_files.reader import read_labels, read_sequences


class SequenceFiles(DatasetBuilder):
    """Sequences with class labels from .npz or .ts files.

    Args:
        train_file: path; its labels are the classes.
        validation_file: path, or None for no such split.
        test_file: path, or None for no such split.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The build's path carries a hash of the files' content and type, so that a changed file is built
    anew and an unchanged one is found again, wherever it lies.

    Raises:
        SourceError: if a file cannot be read or has errors, there is only one class, a label is
            none of the training file's, or the number of features is another.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".npz (x or values and row_splits, y) or .ts file, which gives the classes",
        "validation_file": "the same for a validation split",
        "test_file": "the same for a test split",
    }

    def __init__(self, *, train_file=None, validation_file=None, test_file=None, **kwargs):
        files = {"train": train_file, "validation": validation_file, "test": test_file}
        if not train_file:
            raise SourceError("no train_file given; expected an .npz or .ts file")
        self._files = {
            split: pathlib.Path(path).expanduser() for split, path in files.items() if path
        }
        super().__init__(
            config=tfds.core.BuilderConfig(name=f"content_{content_hash(self._files)}"), **kwargs
        )

    def _info(self):
        num_features, labels = read_labels(self._files["train"])
        classes = class_names(self._files["train"], labels)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "sequence": tfds.features.Tensor(
                        shape=(None, num_features), dtype=np.float32, encoding="bytes"
                    ),
                    "label": tfds.features.ClassLabel(names=classes),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("sequence", "label"),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, path) for split, path in self._files.items()}

    def _generate_examples(self, split, path):
        classes = self.info.features["label"].names
        num_features = self.info.features["sequence"].shape[1]
        for sequence in read_sequences(path, num_features=num_features):
            if sequence.label not in classes:
                raise SourceError(
                    f"{sequence.place}: label {sequence.label!r} does not occur in "
                    f"{self._files['train']}; it has: {', '.join(classes)}"
                )
            key = f"{split}/{sequence.number}"
            yield key, {"sequence": sequence.values, "label": sequence.label, "id": key}

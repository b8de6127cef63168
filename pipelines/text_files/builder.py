"""TFDS builder of a user's own labelled text."""

import pathlib

import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.labelled_files import class_names, content_hash
from pipelines.text_files.reader import read_rows


class TextFiles(DatasetBuilder):
    """Texts with class labels from CSV, TSV or JSONL files with columns `text` and `label`.

    Args:
        train_file: path; its labels are the classes.
        validation_file: path, or None for no such split.
        test_file: path, or None for no such split.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The build's path carries a hash of the files' content and type, so that a changed file is built
    anew and an unchanged one is found again, wherever it lies.

    Raises:
        SourceError: if a file cannot be read or has errors, there is only one class, or a label is
            none of the training file's.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".csv, .tsv or .jsonl with columns text and label, which gives the classes",
        "validation_file": "the same for a validation split",
        "test_file": "the same for a test split",
    }

    def __init__(self, *, train_file=None, validation_file=None, test_file=None, **kwargs):
        files = {"train": train_file, "validation": validation_file, "test": test_file}
        if not train_file:
            raise SourceError("no train_file given; expected a .csv, .tsv or .jsonl file")
        self._files = {
            split: pathlib.Path(path).expanduser() for split, path in files.items() if path
        }
        super().__init__(
            config=tfds.core.BuilderConfig(name=f"content_{content_hash(self._files)}"), **kwargs
        )

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=_class_names(self._files["train"])),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("text", "label"),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, path) for split, path in self._files.items()}

    def _generate_examples(self, split, path):
        classes = self.info.features["label"].names
        for row in read_rows(path):
            if row.label not in classes:
                raise SourceError(
                    f"{path}, line {row.line}: label {row.label!r} does not occur in "
                    f"{self._files['train']}; it has: {', '.join(classes)}"
                )
            key = f"{split}/{row.line}"
            yield key, {"text": row.text, "label": row.label, "id": key}


def _class_names(path):
    return class_names(path, (row.label for row in read_rows(path)))

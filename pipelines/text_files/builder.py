"""TFDS builder of a user's own labeled text."""

import tensorflow_datasets as tfds

from pipelines.labeled_files import LabeledFiles
from pipelines.limits import LINE, option_help
from pipelines.text_files.reader import read_rows


class TextFiles(LabeledFiles):
    """Texts with class labels from CSV, TSV or JSONL files with columns `text` and `label`.

    Arguments and errors are those of `LabeledFiles`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".csv, .tsv or .jsonl with columns text and label; it defines the classes",
        "validation_file": "a file for the validation split",
        "test_file": "a file for the test split",
        "unlabeled_file": "texts without labels, with a column text",
        "source_limit_mb": option_help("record", LINE),
    }
    RENAMED = {"unlabelled_file": "unlabeled_file"}
    CONTENT = "text"
    FORMATS = "a .csv, .tsv or .jsonl file"

    def _content_feature(self, path):
        return tfds.features.Text()

    def _labels(self, path):
        return (row.label for row in read_rows(path, limit=self._limit))

    def _read(self, path, with_labels):
        for row in read_rows(path, with_labels, self._limit):
            yield row.line, f"{path}, line {row.line}", row.text, row.label

"""TFDS builder of a user's own labelled text."""

import tensorflow_datasets as tfds

from pipelines.labelled_files import LabelledFiles
from pipelines.limits import LINE, option_help
from pipelines.text_files.reader import read_rows


class TextFiles(LabelledFiles):
    """Texts with class labels from CSV, TSV or JSONL files with columns `text` and `label`.

    Arguments and errors are those of `LabelledFiles`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".csv, .tsv or .jsonl with columns text and label, which gives the classes",
        "validation_file": "the same for a validation split",
        "test_file": "the same for a test split",
        "unlabelled_file": "texts for a language model alone; a column text is enough",
        "source_limit_mb": option_help("record", LINE),
    }
    CONTENT = "text"
    FORMATS = "a .csv, .tsv or .jsonl file"

    def _content_feature(self, path):
        return tfds.features.Text()

    def _labels(self, path):
        return (row.label for row in read_rows(path, limit=self._limit))

    def _read(self, path, with_labels):
        for row in read_rows(path, with_labels, self._limit):
            yield row.line, f"{path}, line {row.line}", row.text, row.label

"""TFDS builder of a user's own labeled text."""

from typing import Any

import tensorflow_datasets as tfds

from pipelines.escaping import quoted
from pipelines.labeled_files import UNLABELED, LabeledFiles
from pipelines.limits import LINE, option_help
from pipelines.text_files.reader import Columns, found_columns, read_rows

_KINDS = ("texts", "labels")


class TextFiles(LabeledFiles):
    """Texts with class labels from CSV, TSV, JSONL or JSON files.

    Args:
        text_column: name of the column of texts. Default: the first usual name in
            `pipelines.text_files.columns` that the file has.
        label_column: name of the column of labels. Default: as above.
        on_error: `"fail"`, or `"skip"`: texts that are empty or have no label are left out, and
            named in the metadata.
        **kwargs: those of `LabeledFiles`, with its errors.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".csv, .tsv, .jsonl or .json with texts and labels; it defines the classes",
        "validation_file": "a file for the validation split",
        "test_file": "a file for the test split",
        "unlabeled_file": "texts without labels",
        "text_column": "column of the texts; default: text, or another usual name",
        "label_column": "column of the labels; default: label, or another usual name",
        "on_error": "what to do with an empty text or a missing label",
        "source_limit_mb": option_help("record", LINE),
    }
    CHOICES = {"on_error": ("fail", "skip")}
    RENAMED = {"unlabelled_file": "unlabeled_file"}
    CONTENT = "text"
    FORMATS = "a .csv, .tsv, .jsonl or .json file"
    EMPTY = "without text or label"

    def __init__(
        self,
        *,
        text_column: str | None = None,
        label_column: str | None = None,
        on_error: str = "fail",
        **kwargs: Any,
    ) -> None:
        self._check_choices(on_error=on_error)
        self._columns = Columns(text_column, label_column)
        self._skips = on_error == "skip"
        options = {"text": text_column, "label": label_column, "skip": self._skips or None}
        given = {name: value for name, value in options.items() if value}
        super().__init__(options=given, **kwargs)

    def warnings(self) -> list[str]:
        """Returns a line for each file whose columns were guessed, and what was left out."""
        lines = []
        for split, path in self._files.items():
            names = found_columns(path, split != UNLABELED, self._limit, self._columns)
            if names != ["text", "label"][: len(names)]:
                shown = [
                    f"{kind} from {quoted(name)}" for kind, name in zip(_KINDS, names, strict=False)
                ]
                lines.append(f"{path}: {', '.join(shown)}")
        return [*lines, *super().warnings()]

    def _content_feature(self, path):
        return tfds.features.Text()

    def _rows(self, path, with_labels):
        return read_rows(path, with_labels, self._limit, self._columns, self._skips)

    def _labels(self, path):
        return (row.label for row in self._rows(path, True) if row.text is not None)

    def _read(self, path, with_labels):
        for row in self._rows(path, with_labels):
            yield row.line, f"{path}, line {row.line}", row.text, row.label

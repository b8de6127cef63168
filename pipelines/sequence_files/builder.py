"""TFDS builder of a user's own labeled sequences of numbers."""

from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.labeled_files import LabeledFiles
from pipelines.limits import ARRAYS, LINE, option_help
from pipelines.open_build import FEATURE_NAMES
from pipelines.sequence_files.columns import Columns
from pipelines.sequence_files.reader import (
    Reading,
    describe,
    feature_names,
    read_labels,
    read_sequences,
)


class SequenceFiles(LabeledFiles):
    """Sequences with labels from .npz or .ts files, or from tables: CSV, TSV, .txt or Parquet.

    Args:
        labels: `"classes"`, or `"numbers"` that are to be predicted.
        id_column: name of the column that says to which sequence a row of a table belongs.
            Default: one of the usual names in `pipelines.sequence_files.columns`.
        time_column: name of the column with the time of a row. Default: as above.
        label_column: name of the column of labels. Default: as above.
        on_error: `"fail"`, or `"skip"`: sequences without a label, or with a missing number, are
            left out, and named in the metadata.
        **kwargs: those of `LabeledFiles`, with its errors. In addition, all files must have the
            features of the training file.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "train_file": ".npz (x or values and row_splits, y), .ts, .csv, .tsv, .txt or .parquet "
        "file; it defines the classes",
        "validation_file": "a file for the validation split",
        "test_file": "a file for the test split",
        "labels": "what the labels are",
        "id_column": "column that says to which sequence a row belongs; default: a usual name",
        "time_column": "column of the time of a row; default: a usual name, such as time",
        "label_column": "column of the labels; default: a usual name, such as label",
        "on_error": "what to do with a missing label or number",
        "source_limit_mb": option_help(
            "arrays of an .npz or .parquet file, or line of another", ARRAYS, LINE
        ),
    }
    CHOICES = {"labels": ("classes", "numbers"), "on_error": ("fail", "skip")}
    CONTENT = "sequence"
    FORMATS = "an .npz, .ts, .csv, .tsv, .txt or .parquet file"

    def __init__(
        self,
        *,
        labels: str = "classes",
        id_column: str | None = None,
        time_column: str | None = None,
        label_column: str | None = None,
        on_error: str = "fail",
        **kwargs: Any,
    ) -> None:
        self._check_choices(labels=labels, on_error=on_error)
        columns = Columns(id_column, time_column, label_column)
        is_number, skips = labels == "numbers", on_error == "skip"
        self._how = Reading(columns, is_number=is_number, leaves_out=skips)
        if skips:
            self.EMPTY = "without label, or with a missing number"
        options = {**columns._asdict(), "numbers": is_number, "skip": skips}
        given = {name: value for name, value in options.items() if value}
        super().__init__(options=given, **kwargs)

    def warnings(self) -> list[str]:
        """Returns a line for what was guessed about each file, and what was left out."""
        lines = [
            line for path in self._files.values() for line in describe(path, self._limit, self._how)
        ]
        return [*lines, *super().warnings()]

    def _content_feature(self, path):
        num_features, _ = read_labels(path, self._limit, self._how)
        return tfds.features.Tensor(shape=(None, num_features), dtype=np.float32, encoding="bytes")

    def _metadata(self, path):
        names = feature_names(path, self._limit, self._how.columns)
        return {FEATURE_NAMES: list(names)} if names else {}

    def _labels(self, path):
        return read_labels(path, self._limit, self._how)[1]

    def _label_feature(self, path):
        if self._how.is_number:
            return tfds.features.Scalar(np.float32)
        return super()._label_feature(path)

    def _read(self, path, with_labels):
        num_features = self.info.features[self.CONTENT].shape[1]
        features = feature_names(self._files["train"], self._limit, self._how.columns)
        how = self._how._replace(features=features)
        for sequence in read_sequences(path, with_labels, num_features, self._limit, True, how):
            yield sequence.number, sequence.place, sequence.values, sequence.label

"""Input that is strings, whatever their tokens are."""

import pathlib
from typing import Any

import tensorflow as tf

from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    ReadOptions,
    check_text,
    fault_of_text,
)
from pipelines.text_files.columns import TEXT
from pipelines.text_files.reader import Columns, read_other_columns, read_texts


class TextInput(Modality):
    """Strings `(batch,)`, which a layer of the model turns into token ids."""

    step_name = "token_id"
    suffixes = {".csv": "text", ".tsv": "text", ".jsonl": "text", ".json": "text"}
    column_flags = ("text_column", "label_column")  # labels are kept, not read
    takes_ids = True

    def tokens_of(self, piece: str, dtype: str) -> list:
        """Returns the ids of the tokens in a piece of a string."""
        raise NotImplementedError

    def find_fault(self, value: Any) -> str | None:
        """Says why a value is not a valid string."""
        return fault_of_text(value)

    def empty(self) -> bytes:
        """Returns the empty string."""
        return b""

    def as_batch(self, values: list) -> tf.Tensor:
        """Returns the strings."""
        return tf.constant(values, tf.string)

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the ids of the tokens in a piece of a string."""
        if fault := fault_of_text(piece):
            raise MalformedError(f"be a string. Received: {fault.partition(';')[0]}")
        return self.tokens_of(piece, dtype)

    def parse_line(self, line: str) -> str:
        """Returns a piece of a string as it is."""
        return line

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the strings in the column of texts of a file. All are read once to check them."""
        name, limit = options.columns.get("text_column"), options.limit
        columns = Columns(text=name)
        count = sum(1 for _ in read_texts(path, limit, columns))
        return Inputs(
            "text",
            count,
            lambda: ((text, text) for text in read_texts(path, limit, columns)),
            lambda: read_other_columns(path, limit, (name,) if name else TEXT),
        )

    def one_text(self, text: str) -> Inputs:
        """Returns the string."""
        check_text("--text", text)
        return Inputs("text", 1, lambda: iter([(text, text)]))

"""How predictions are written: as lines to be read, as CSV, as JSON lines; to files or not.

Control characters in names and texts never come out as such: see `pipelines.escaping`.
"""

import contextlib
import csv
import pathlib
from collections.abc import Iterator
from typing import TextIO

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.outputs.output import Output
from pipelines.escaping import for_csv, for_json, for_terminal
from pipelines.locks import claimed
from pipelines.publishing import publish

_LONGEST_NAME = 60  # characters


class _Results:
    """Writes results to an open text file.

    Args:
        file: the file.
        output: the `Output` of the model.
        naming: what the names of the inputs are, such as `"text"`; None if they have none.
    """

    def __init__(self, file: TextIO, output: Output, naming: str | None = None) -> None:
        self._file = file
        self._output = output
        self._naming = naming

    def write(self, name: str | int | None, row: np.ndarray) -> None:
        """Writes the prediction for one input, a row of the output, in one line or CSV record."""
        raise NotImplementedError


class ReadableResults(_Results):
    """The result, and the beginning of the input's name."""

    def write(self, name: str | int | None, row: np.ndarray) -> None:
        """Writes a line."""
        line = self._output.readable(row)
        if self._naming:
            name = for_terminal(" ".join(str(name)[: 10 * _LONGEST_NAME].split()))
            shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
            line += f"  {shown}"
        self._file.write(f"{line}\n")


class CsvResults(_Results):
    """Columns of names, and of the result; for classes label and `probability_<name>`.

    What a spreadsheet would take for a formula has an apostrophe before it, as `for_csv` says.
    """

    def __init__(self, file: TextIO, output: Output, naming: str | None = None) -> None:
        super().__init__(file, output, naming)
        self._writer = csv.writer(file)
        self._writer.writerow([*([naming] if naming else []), *output.columns()])

    def write(self, name: str | int | None, row: np.ndarray) -> None:
        """Writes a record."""
        named = [for_csv(name)] if self._naming else []
        self._writer.writerow([*named, *self._output.as_csv(row)])


class JsonLinesResults(_Results):
    """Objects of name and result; for classes `label`, and `probabilities` by class.

    Characters that the file's encoding lacks have JSON's own escapes.
    """

    def write(self, name: str | int | None, row: np.ndarray) -> None:
        """Writes a line."""
        named = {self._naming: name} if self._naming else {}
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._file.write(f"{for_json({**named, **self._output.as_json(row)}, encoding)}\n")


FORMATS = {"text": ReadableResults, "csv": CsvResults, "jsonl": JsonLinesResults}
FILE_FORMATS = {".csv": CsvResults, ".jsonl": JsonLinesResults}


@contextlib.contextmanager
def open_results(path: pathlib.Path, output: Output, naming: str) -> Iterator[_Results]:
    """Opens a file of results, which appears under its name when the block has ended well.

    Waits until no other process writes such a file there.

    Args:
        path: `pathlib.Path` that ends in one of `FILE_FORMATS`.
        output: the `Output` of the model.
        naming: what the names of the inputs are, such as `"text"`.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        with (
            claimed(path),
            publish(path) as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            yield FILE_FORMATS[path.suffix.lower()](file, output, naming)
    except OSError as error:
        raise UsageError(f"--output={path} cannot be written: {error.strerror}") from error

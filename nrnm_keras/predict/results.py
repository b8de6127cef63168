"""Writing predictions as readable lines, CSV or JSON Lines, to files or to standard output.

Control characters in names and texts are escaped: see `pipelines.escaping`.
"""

import contextlib
import csv
import os
import pathlib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from nrnm_keras.errors import UsageError
from pipelines.escaping import for_csv, for_json, for_terminal
from pipelines.locks import claimed
from pipelines.publishing import publish

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.inference.outputs.output import Output

_LONGEST_NAME = 60  # characters


NO_OTHERS: Mapping[str, Any] = types.MappingProxyType({})


class _Results:
    """Writes results to an open text file.

    Args:
        file: the file.
        output: the `Output` of the model.
        naming: the kind of names that the inputs have, such as `"text"`; None for no names.
        columns: names of the other columns of the inputs' file, which CSV keeps.
    """

    def __init__(
        self,
        file: TextIO,
        output: "Output",
        naming: str | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        self._file = file
        self._output = output
        self._naming = naming
        self._columns = list(columns)
        self._write_heading()

    def _write_heading(self):
        """Writes what stands before all results. Default: nothing."""

    def write(
        self, name: str | int | None, row: np.ndarray, others: Mapping[str, Any] = NO_OTHERS
    ) -> None:
        """Writes the prediction for one input, a row of the output, as one line or CSV record.

        Args:
            name: the input's name.
            row: the prediction.
            others: values of the other columns of the input's file, by name.
        """
        raise NotImplementedError


class ReadableResults(_Results):
    """Lines with a result and the beginning of the input's name, below a heading.

    A result without a name, the only one, has no heading.
    """

    def _write_heading(self):
        if self._naming:
            self._file.write(f"{self._output.heading}  {self._naming}\n")

    def write(
        self, name: str | int | None, row: np.ndarray, others: Mapping[str, Any] = NO_OTHERS
    ) -> None:
        """Writes a line."""
        line = self._output.readable(row)
        if self._naming:
            name = for_terminal(" ".join(str(name)[: 10 * _LONGEST_NAME].split()))
            shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
            line += f"  {shown}"
        self._file.write(f"{line}\n")


class CsvResults(_Results):
    """CSV with columns for the name and the result; for classes, `label` and `probability_<name>`.

    Cells that a spreadsheet would read as a formula start with an apostrophe: see `for_csv`.
    """

    def _write_heading(self):
        self._writer = csv.writer(self._file)
        own = [*([self._naming] if self._naming else []), *self._output.columns()]
        kept = [for_csv(_renamed(each, own)) for each in self._columns]
        self._writer.writerow([*own, *kept])

    def write(
        self, name: str | int | None, row: np.ndarray, others: Mapping[str, Any] = NO_OTHERS
    ) -> None:
        """Writes a record."""
        named = [for_csv(name)] if self._naming else []
        kept = [for_csv(others.get(each, "")) for each in self._columns]
        self._writer.writerow([*named, *self._output.as_csv(row), *kept])


class JsonLinesResults(_Results):
    """JSON objects with name and result; for classes, `label`, and `probabilities` by class.

    Characters that the file's encoding lacks are escaped as in JSON.
    """

    def write(
        self, name: str | int | None, row: np.ndarray, others: Mapping[str, Any] = NO_OTHERS
    ) -> None:
        """Writes a line."""
        own = {self._naming: name} if self._naming else {}
        own |= self._output.as_json(row)
        kept = {_renamed(each, own): value for each, value in others.items()}
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._file.write(f"{for_json({**own, **kept}, encoding)}\n")


def _renamed(column, taken):
    """Returns the name of a column of the input beside those of the results."""
    while column in taken:
        column = f"given_{column}"
    return column


FORMATS = {"text": ReadableResults, "csv": CsvResults, "jsonl": JsonLinesResults}
FILE_FORMATS = {".csv": CsvResults, ".jsonl": JsonLinesResults}


def check_output(output: pathlib.Path, source: str | os.PathLike | None = None) -> None:
    """Raises a `UsageError` if a file is the input or cannot be written as an output."""
    if output.suffix.lower() not in FILE_FORMATS:
        expected = " or ".join(FILE_FORMATS)
        raise UsageError(f"--output={output}: expected a file name that ends in {expected}")
    if source is not None and output.resolve() == pathlib.Path(source).expanduser().resolve():
        raise UsageError(f"--output={output} is the input; choose another file")
    if not os.path.isdir(output.absolute().parent):
        raise UsageError(f"--output={output}: no such folder {output.absolute().parent}")
    if os.path.isdir(output):
        raise UsageError(f"--output={output} is a folder; choose another file")


@contextlib.contextmanager
def open_results(
    path: pathlib.Path, output: "Output", naming: str, columns: Sequence[str] = ()
) -> Iterator[_Results]:
    """Opens a file for results. It gets its name when the block ends without an error.

    Waits until no other process writes the same file.

    Args:
        path: `pathlib.Path` that ends in one of `FILE_FORMATS`.
        output: the `Output` of the model.
        naming: what the names of the inputs are, such as `"text"`.
        columns: names of the other columns of their file, which CSV keeps.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        with (
            claimed(path),
            publish(path) as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            yield FILE_FORMATS[path.suffix.lower()](file, output, naming, columns)
    except OSError as error:
        raise UsageError(f"--output={path} cannot be written: {error.strerror}") from error

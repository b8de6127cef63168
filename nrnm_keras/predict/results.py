"""How predictions are written: as lines to be read, as CSV, as JSON lines; to files or not.

Control characters in names and texts never come out as such: see `pipelines.escaping`.
"""

import contextlib
import csv

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.models.decision import most_probable
from pipelines.escaping import cut, for_csv, for_json, for_terminal
from pipelines.locks import claimed
from pipelines.publishing import publish

_MOST_SHOWN = 10  # classes
_LONGEST_NAME = 60  # characters


class _Results:
    """Writes results to an open text file.

    Args:
        file: the file.
        class_names: list of strings.
        naming: what the names of the inputs are, such as `"text"`; None if they have none.
    """

    def __init__(self, file, class_names, naming=None):
        self._file = file
        self._class_names = class_names
        self._naming = naming

    def write(self, name, probabilities):
        """Writes the prediction for one input, `(classes,)`, in one line, or one record of CSV."""
        raise NotImplementedError


class ReadableResults(_Results):
    """The class, the probabilities from high to low, and the beginning of the input's name."""

    def write(self, name, probabilities):
        """Writes a line."""
        label = most_probable(probabilities)
        order = np.argsort(-probabilities, kind="stable")[:_MOST_SHOWN]
        names = [self._name(i) for i in order]
        shown = ", ".join(f"{n} {probabilities[i]:.4f}" for n, i in zip(names, order, strict=True))
        line = f"{self._name(label)}  {shown}"
        if self._naming:
            name = for_terminal(" ".join(str(name)[: 10 * _LONGEST_NAME].split()))
            shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
            line += f"  {shown}"
        self._file.write(f"{line}\n")

    def _name(self, label):
        return cut(for_terminal(self._class_names[label]), _LONGEST_NAME)


class CsvResults(_Results):
    """Columns of names, label and, for each class, `probability_<name>`.

    What a spreadsheet would take for a formula has an apostrophe before it, as `for_csv` says.
    """

    def __init__(self, file, class_names, naming=None):
        super().__init__(file, class_names, naming)
        self._writer = csv.writer(file)
        columns = ["label", *(for_csv(f"probability_{name}") for name in class_names)]
        self._writer.writerow([naming, *columns] if naming else columns)

    def write(self, name, probabilities):
        """Writes a record."""
        label = self._class_names[most_probable(probabilities)]
        columns = [for_csv(label), *(f"{value:.6f}" for value in probabilities)]
        self._writer.writerow([for_csv(name), *columns] if self._naming else columns)


class JsonLinesResults(_Results):
    """Objects of name, `label`, and `probabilities`, an object from class to number.

    Characters that the file's encoding lacks have JSON's own escapes.
    """

    def write(self, name, probabilities):
        """Writes a line."""
        named = {self._naming: name} if self._naming else {}
        numbers = [round(float(value), 6) for value in probabilities]
        result = {
            **named,
            "label": self._class_names[most_probable(probabilities)],
            "probabilities": dict(zip(self._class_names, numbers, strict=True)),
        }
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._file.write(f"{for_json(result, encoding)}\n")


FORMATS = {"text": ReadableResults, "csv": CsvResults, "jsonl": JsonLinesResults}
FILE_FORMATS = {".csv": CsvResults, ".jsonl": JsonLinesResults}


@contextlib.contextmanager
def open_results(path, class_names, naming):
    """Opens a file of results, which appears under its name when the block has ended well.

    Waits until no other process writes such a file there.

    Args:
        path: `pathlib.Path` that ends in one of `FILE_FORMATS`.
        class_names: list of strings.
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
            yield FILE_FORMATS[path.suffix.lower()](file, class_names, naming)
    except OSError as error:
        raise UsageError(f"--output={path} cannot be written: {error.strerror}") from error

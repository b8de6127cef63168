"""Reads texts and labels from CSV, TSV, JSONL and JSON files; the suffix determines the format.

All are UTF-8, or UTF-16 with a byte order mark. CSV and TSV begin with a line of column names: see
`pipelines.csv_records`. JSONL has one object per line, JSON a list of objects. Other columns are
ignored, and blank lines are skipped.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipelines.csv_records import Record, csv_records
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import LINE, read_file
from pipelines.paths import StrPath
from pipelines.text_files.columns import LABEL, TEXT, find_column
from pipelines.user_files import clean_label, file_of_type, read_lines


class Row(NamedTuple):
    """One example.

    Attributes:
        line: the number of its first line in the file, or of its object in a list, from 1.
        text: the text; None if the text or the label is missing and such rows are left out.
        label: the label; None if labels are not read.
    """

    line: int
    text: str | None
    label: str | None


class Columns(NamedTuple):
    """Names of the columns of texts and labels; None for the first usual name that occurs."""

    text: str | None = None
    label: str | None = None

    def wanted(self, with_labels: bool) -> tuple:
        """Returns the accepted names and the flag of each column that is read."""
        text = ((self.text,) if self.text else TEXT, "text_column")
        label = ((self.label,) if self.label else LABEL, "label_column")
        return (text, label) if with_labels else (text,)


USUAL = Columns()


def read_examples(path: StrPath) -> Iterator[tuple[str, str | None]]:
    """Yields (text, label) of each example in a file; labels are strings.

    Args:
        path: a file that ends in `.csv`, `.tsv`, `.jsonl` or `.json`, with columns `text` and
            `label`, or others of the names in `pipelines.text_files.columns`.

    Raises:
        SourceError: naming the file and the line that cannot be used.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.csv")
    >>> _ = path.write_text('text,label\\nGood.,pos\\n"Bad, bad.",neg\\n')
    >>> list(read_examples(path))
    [('Good.', 'pos'), ('Bad, bad.', 'neg')]
    """
    for row in read_rows(path):
        yield str(row.text), row.label


def read_texts(path: StrPath, limit: int | None = None, columns: Columns = USUAL) -> Iterator[str]:
    """Yields the texts of a file, which may lack labels. Otherwise like `read_rows`."""
    for row in read_rows(path, False, limit, columns):
        yield str(row.text)


def read_other_columns(
    path: StrPath, limit: int | None = None, read: tuple[str, ...] = TEXT
) -> Iterator[dict[str, Any]]:
    """Yields, for each text of `read_texts`, the values of the other columns by name.

    Args:
        path: the file.
        limit: as for `read_rows`.
        read: names of the columns that are not wanted; of the usual names of texts, the first that
            occurs.
    """
    file, suffix = file_of_type(path, tuple(_READERS))
    accepted = (read,) if read == TEXT else tuple((name,) for name in read)
    for record in _READERS[suffix](file, limit or LINE):
        taken = _indices(file, record, tuple((names, "") for names in accepted))
        pairs = enumerate(zip(record.names, record.values, strict=True))
        yield {name: value for index, (name, value) in pairs if index not in taken}


def read_pairs(path: StrPath, limit: int | None = None) -> Iterator[tuple[str, str]]:
    """Yields (first, second) from the columns of these names. Otherwise like `read_texts`."""
    wanted = ((("first",), ""), (("second",), ""))
    for place, _, (first, second) in _records(path, wanted, limit):
        yield _text(place, first), _text(place, second)


def read_rows(
    path: StrPath,
    with_labels: bool = True,
    limit: int | None = None,
    columns: Columns = USUAL,
    leaves_out_empty: bool = False,
) -> Iterator[Row]:
    """Yields a `Row` for each example of a file; labels are None if they are not read.

    Args:
        path: the file.
        with_labels: whether labels are read.
        limit: bytes that a record may have at most; None for the usual bound. A record is one line
            unless it has quoted line breaks.
        columns: the `Columns`.
        leaves_out_empty: whether the text of a row without text or label is None, rather than an
            error.

    Raises:
        SourceError: naming the file and the line that cannot be used.
    """
    for place, line, values in _records(path, columns.wanted(with_labels), limit):
        if leaves_out_empty and any(value is None or not str(value).strip() for value in values):
            yield Row(line, None, None)
            continue
        label = _label(place, values[1]) if with_labels else None
        yield Row(line, _text(place, values[0]), label)


def found_columns(
    path: StrPath, with_labels: bool = True, limit: int | None = None, columns: Columns = USUAL
) -> list[str]:
    """Returns the names of the columns of texts and labels in a file that has examples.

    The arguments are those of `read_rows`.
    """
    file, suffix = file_of_type(path, tuple(_READERS))
    record = next(_READERS[suffix](file, limit or LINE))
    return [record.names[index] for index in _indices(file, record, columns.wanted(with_labels))]


def _records(path, wanted, limit):
    """Yields (place, line, values of the wanted columns) of each example."""
    file, suffix = file_of_type(path, tuple(_READERS))
    names, indices = None, []
    for record in _READERS[suffix](file, limit or LINE):
        if record.names is not names:
            names, indices = record.names, _indices(file, record, wanted)
        yield f"{file}, line {record.line}", record.line, [record.values[i] for i in indices]
    if names is None:
        raise SourceError(f"{file}: no examples in it")


def _indices(file, record, wanted):
    """Returns the indices of the wanted columns in a record."""
    place = f"{file}, line {record.names_line}"
    return [find_column(place, record.names, *each) for each in wanted]


def _json_lines(path, limit):
    """Yields each `Record` of a file with one JSON object per line."""
    for number, line in read_lines(path, limit):
        if line.strip():
            yield _json_record(path, number, _parsed(f"{path}, line {number}", line))


def _json_list(path, limit):
    """Yields each `Record` of a file with a JSON list of objects; lines count these."""
    objects = _parsed(path, read_file(path, limit))
    if not isinstance(objects, list):
        raise SourceError(
            f"{path}: a {type(objects).__name__}, expected a list of objects; a file with one "
            "object per line ends in .jsonl"
        )
    for number, value in enumerate(objects, start=1):
        yield _json_record(path, number, value)


def _parsed(place, text):
    """Returns the value of JSON; bytes may be UTF-8 or UTF-16."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{place}: not JSON ({error})") from error


def _json_record(path, number, value):
    if not isinstance(value, dict):
        place = f"{path}, line {number}"
        raise SourceError(f"{place}: a {type(value).__name__}, expected an object")
    return Record(number, list(value), number, list(value.values()))


_READERS = {".csv": csv_records, ".tsv": csv_records, ".jsonl": _json_lines, ".json": _json_list}


def _text(place, value):
    if not isinstance(value, str):
        raise SourceError(f"{place}: text is {quoted(value)}, expected a string")
    if not value.strip():
        raise SourceError(f"{place}: the text is empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(f"{place}: the text is not valid Unicode ({error})") from error
    return value


def _label(place, value):
    if not isinstance(value, str | int):
        raise SourceError(f"{place}: label is {quoted(value)}, expected a string or an integer")
    return clean_label(place, value)

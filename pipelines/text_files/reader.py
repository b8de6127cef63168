"""Reads texts and labels from CSV, TSV and JSONL files; the suffix tells the format.

All are UTF-8, with or without a byte order mark. CSV and TSV begin with a line of column names and
use the quoting of spreadsheets: a field in double quotes may contain separators and newlines, and a
double quote in it is doubled. An apostrophe that keeps spreadsheets from evaluating a text as a
formula, as in the files of predictions, is removed. JSONL has one object per line. Columns other
than `text` and `label` are ignored, and blank lines are skipped.
"""

import csv
import json
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.escaping import from_csv, listed, quoted
from pipelines.limits import ADVICE, LINE
from pipelines.paths import StrPath
from pipelines.user_files import clean_label, file_of_type, read_lines

_CSV_DIALECTS = {".csv": "excel", ".tsv": "excel-tab"}
_JSON_LINES = ".jsonl"
_LONGEST_FIELD = 2**31 - 1  # the csv module's own limit is 128 Ki characters


class Row(NamedTuple):
    """One example; `line` is the number of its first line in the file, counted from 1."""

    line: int
    text: str
    label: str | None


def read_examples(path: StrPath) -> Iterator[tuple[str, str | None]]:
    """Yields (text, label) of each example in a file; labels are strings.

    Args:
        path: a file that ends in `.csv`, `.tsv` or `.jsonl`, with columns `text` and `label`.

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
        yield row.text, row.label


def read_texts(path: StrPath, limit: int | None = None) -> Iterator[str]:
    """Yields the texts of a file, which may lack labels. Otherwise like `read_examples`."""
    for row in read_rows(path, False, limit):
        yield row.text


def read_pairs(path: StrPath, limit: int | None = None) -> Iterator[tuple[str, str]]:
    """Yields (first, second) from the columns of these names. Otherwise like `read_texts`."""
    file, records = _records(path, ("first", "second"), limit)
    for line, (first, second) in records:
        place = f"{file}, line {line}"
        yield _text(place, first), _text(place, second)


def read_rows(path: StrPath, with_labels: bool = True, limit: int | None = None) -> Iterator[Row]:
    """Yields a `Row` for each example of a file; labels are None if they are not read.

    A record may have at most `limit` bytes; None is the usual bound. A record is one line unless it
    has quoted line breaks.
    """
    file, records = _records(path, ("text", "label") if with_labels else ("text",), limit)
    for line, values in records:
        label = _label(f"{file}, line {line}", values[1]) if with_labels else None
        yield Row(line, _text(f"{file}, line {line}", values[0]), label)


def _records(path, wanted, limit):
    """Returns the file, and an iterator over (line, values of the wanted columns)."""
    file, suffix = file_of_type(path, (*_CSV_DIALECTS, _JSON_LINES))
    read = _json_records if suffix == _JSON_LINES else _csv_records
    return file, _not_empty(file, read(file, wanted, limit or LINE))


def _not_empty(file, records):
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        raise SourceError(f"{file}: no examples in it")


def _csv_records(path, wanted, limit):
    """Yields (line, values of the wanted columns) of a CSV or TSV file."""
    csv.field_size_limit(_LONGEST_FIELD)
    dialect = _CSV_DIALECTS[path.suffix.lower()]
    columns, line, size = None, 1, 0

    def lines():
        nonlocal size
        for _, text in read_lines(path, limit):
            size += len(text)
            if size > limit:  # for example, because a quote is not closed
                raise SourceError(
                    f"{path}, line {line}: a record of more than {limit:,} bytes; {ADVICE}"
                )
            yield text

    reader = csv.reader(lines(), dialect, strict=True)
    try:
        for fields in reader:
            start, line, size = line, reader.line_num + 1, 0
            if not fields or (len(fields) == 1 and fields[0].isspace()):
                continue
            if columns is None:
                columns = [name.strip() for name in fields]
                indices = [_column(f"{path}, line {start}", columns, name) for name in wanted]
                continue
            if len(fields) != len(columns):
                raise SourceError(
                    f"{path}, line {start}: {len(fields)} fields, but {len(columns)} columns "
                    f"({listed(columns)}); quote a field that contains the separator"
                )
            yield start, [from_csv(fields[index]) for index in indices]
    except csv.Error as error:
        raise SourceError(f"{path}, line {line}: {error}") from error


def _json_records(path, wanted, limit):
    """Yields (line, values of the wanted keys) of a file with one JSON object per line."""
    for number, line in read_lines(path, limit):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{place}: not JSON ({error})") from error
        if not isinstance(record, dict):
            raise SourceError(f"{place}: a {type(record).__name__}, expected an object")
        for name in wanted:
            _column(place, list(record), name)
        yield number, [record[name] for name in wanted]


def _column(place, columns, name):
    """Returns the index of a column that must occur once."""
    if columns.count(name) != 1:
        found = listed(columns, show=quoted) or "none"
        number = "more than one" if name in columns else "no"
        raise SourceError(f"{place}: {number} column {quoted(name)}; found: {found}")
    return columns.index(name)


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

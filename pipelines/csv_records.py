"""Reads the records of CSV, TSV and .txt files: values by the names of their columns.

They are UTF-8, or UTF-16 with a byte order mark, and begin with a line of column names. A field in
double quotes may contain separators and newlines, and a double quote in it is doubled. The
separator is the comma, semicolon or tab (of TSV: tab or semicolon) with which the line of names has
the most columns. Blank lines are skipped. An apostrophe that keeps spreadsheets from evaluating a
cell as a formula, as in the files of predictions, is removed.
"""

import csv
import itertools
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.escaping import from_csv, listed
from pipelines.limits import ADVICE, LINE
from pipelines.user_files import read_lines

_SEPARATORS = {".csv": ",;\t", ".tsv": "\t;", ".txt": "\t;,"}
_LONGEST_FIELD = 2**31 - 1  # the csv module's own limit is 128 Ki characters


class Record(NamedTuple):
    """Column names and values of a row, and the numbers of their lines."""

    names_line: int
    names: list
    line: int
    values: list


def csv_records(path: pathlib.Path, limit: int = LINE) -> Iterator[Record]:
    """Yields each `Record` of a CSV, TSV or .txt file.

    Args:
        path: the file.
        limit: bytes that a record may have at most.

    Raises:
        SourceError: naming the file and the line that cannot be used.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    columns, columns_line, line, size = None, 1, 1, 0

    def lines():
        nonlocal size
        for _, text in read_lines(path, limit):
            size += len(text)
            if size > limit:  # for example, because a quote is not closed
                raise SourceError(
                    f"{path}, line {line}: a record of more than {limit:,} bytes; {ADVICE}"
                )
            yield text

    blank, rest = _split_blank(lines())
    separator = _separator(blank[-1:], _SEPARATORS[path.suffix.lower()])
    reader = csv.reader(itertools.chain(blank, rest), delimiter=separator, strict=True)
    try:
        for fields in reader:
            start, line, size = line, reader.line_num + 1, 0
            if not fields or (len(fields) == 1 and fields[0].isspace()):
                continue
            if columns is None:
                columns, columns_line = [name.strip() for name in fields], start
                continue
            if len(fields) != len(columns):
                raise SourceError(
                    f"{path}, line {start}: {len(fields)} fields, but {len(columns)} columns "
                    f"({listed(columns)}); quote a field that contains the separator"
                )
            yield Record(columns_line, columns, start, list(map(from_csv, fields)))
    except csv.Error as error:
        raise SourceError(f"{path}, line {line}: {error}") from error


def _split_blank(lines):
    """Returns the lines up to the first that is not blank, and an iterator over the others."""
    first = []
    for line in lines:
        first.append(line)
        if line.strip():
            break
    return first, lines


def _separator(header, separators):
    """Returns the separator with which a line of column names has the most."""

    def columns(separator):
        return len(next(csv.reader(header, delimiter=separator), ()))

    return max(separators, key=columns)

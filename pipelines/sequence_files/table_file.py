"""Reads series from tables: CSV, TSV, .txt and Parquet files.

Long form: a row is one step of a series, with columns of its series, its time, its features and its
label, which is the same in all rows of a series. The steps of a series are put in the order of
time. Wide form: a row is one series of a single feature, with a column for each step and one of the
label; empty cells at its end are padding, so that series may differ in length. A cell that is empty
is a missing value, NaN. `pipelines.sequence_files.columns` says how the columns are found.
"""

import datetime
import decimal
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipelines.csv_records import csv_records
from pipelines.errors import SourceError
from pipelines.escaping import listed, quoted
from pipelines.limits import LINE
from pipelines.numbers import LONGEST_SHOWN, parse_float
from pipelines.sequence_files.columns import USUAL, Columns, Layout, find_layout
from pipelines.sequence_files.parquet_file import parquet_records

READERS = {
    ".csv": csv_records,
    ".tsv": csv_records,
    ".txt": csv_records,
    ".parquet": parquet_records,
}
_NUMBERS = int | float | decimal.Decimal

_Row = tuple[int, str, Callable[[], np.ndarray], Any]


class Table(NamedTuple):
    """A table of series that is open for reading.

    Attributes:
        path: the file.
        layout: its `Layout`.
        names: the names of its columns.
        records: iterator over its `Record`s.
    """

    path: pathlib.Path
    layout: Layout
    names: list[str]
    records: Iterator[Any]

    @property
    def features(self) -> list[str]:
        """The names of the features of the long form; empty in the wide form."""
        return [self.names[index] for index in self.layout.values] if self.layout.is_long else []

    def place(self, line: int) -> str:
        """Returns a row, for messages."""
        return f"{self.path}, {'row' if _is_parquet(self.path) else 'line'} {line}"

    def cell(self, line: int, index: int) -> str:
        """Returns a cell, for messages."""
        return f"{self.place(line)}, column {quoted(self.names[index])}"


def open_table(
    path: pathlib.Path,
    with_labels: bool,
    limit: int = LINE,
    columns: Columns = USUAL,
    features: Sequence[str] = (),
) -> Table:
    """Opens a table and finds its columns.

    Args:
        path: a file that ends in one of `READERS`.
        with_labels: whether labels are read; if not, the file may lack them.
        limit: bytes that a record may have at most.
        columns: the names of columns that were given.
        features: the names of the features of the long form in their order, if these are known.

    Raises:
        SourceError: naming the file and the line that cannot be used.
    """
    records = READERS[path.suffix.lower()](path, limit)
    first = next(records, None)
    if first is None:
        raise SourceError(f"{path}: no series in it; expected names of columns, then rows")
    place = f"{path}, {'columns' if _is_parquet(path) else f'line {first.names_line}'}"
    layout = find_layout(place, first.names, columns, with_labels)
    table = Table(path, layout, first.names, itertools.chain([first], records))
    if features and layout.is_long and table.features != list(features):
        table = table._replace(layout=layout._replace(values=_in_order(place, table, features)))
    return table


def read_table(
    path: pathlib.Path,
    with_labels: bool,
    limit: int = LINE,
    columns: Columns = USUAL,
    features: Sequence[str] = (),
) -> Iterator[_Row]:
    """Yields line, place for messages, a function that returns `(time, features)`, and label.

    The line is that of a series' first row, and the label None if it is missing. The arguments are
    those of `open_table`.
    """
    table = open_table(path, with_labels, limit, columns, features)
    label = table.layout.label if with_labels else None
    if table.layout.is_long:
        for series in _read_long(table, label).values():
            place = f"{table.place(series.line)}, series {quoted(series.name)}"
            yield series.line, place, functools.partial(_sorted, series), series.label
        return
    lines: dict[str, int] = {}
    for record in table.records:
        if table.layout.id is not None:
            _check_is_new(table, record, lines)
        values = _wide_values(table, record)
        found = None if label is None else _label(table.cell(record.line, label), record, label)
        yield record.line, table.place(record.line), functools.partial(np.copy, values), found


def describe_table(path: pathlib.Path, with_labels: bool, limit: int, columns: Columns) -> str:
    """Returns the line that says how the columns of a table are taken."""
    table = open_table(path, with_labels, limit, columns)
    layout, names = table.layout, table.names
    kinds = {"series": layout.id, "time": layout.time, "label": layout.label}
    if not with_labels:
        del kinds["label"]
    parts = [f"{kind} from {quoted(names[i])}" for kind, i in kinds.items() if i is not None]
    if layout.is_long:
        return f"{path}: one step in a row, {', '.join(parts)}, features {listed(table.features)}"
    first, last = (quoted(names[layout.values[place]]) for place in (0, -1))
    return f"{path}: one series in a row, {', '.join([*parts, f'steps from {first} to {last}'])}"


def read_ids_and_labels(
    path: pathlib.Path, limit: int = LINE, columns: Columns = USUAL
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yields, for each series of `read_table`, its id and its label by the name of the column.

    The id is None, or the dictionary empty, if the table has no such column.
    """
    table = open_table(path, False, limit, columns)
    label, seen = table.layout.label, set()
    for record in table.records:
        key = None if table.layout.id is None else _id(table, record)
        if key is None or key not in seen:
            seen.add(key)
            kept = [] if label is None else [label]
            yield key, {str(table.names[index]): _shown(record.values[index]) for index in kept}


def _is_parquet(path):
    return path.suffix.lower() == ".parquet"


def _in_order(place, table, features):
    """Returns the indices of the features in their order."""
    if sorted(table.features) != sorted(features):
        raise SourceError(
            f"{place}: features {listed(table.features, show=quoted)}; expected those of the "
            f"training file, {listed(features, show=quoted)}"
        )
    places = dict(zip(table.features, table.layout.values, strict=True))
    return [places[name] for name in features]


def _wide_values(table, record):
    """Returns the steps of a row without the empty cells at its end, `(time, 1)`."""
    steps = np.array([_number(table, record, index) for index in table.layout.values])
    found = np.flatnonzero(~np.isnan(steps))
    return steps[: found[-1] + 1 if found.size else None, np.newaxis]


def _check_is_new(table, record, lines):
    """Refuses a series that has several rows but no time."""
    key = _id(table, record)
    if key in lines:
        raise SourceError(
            f"{table.cell(record.line, table.layout.id)}: {quoted(key)} as in "
            f"{table.place(lines[key]).rpartition(', ')[2]}; several rows of a series need a "
            "column of time; --time_column=NAME names it"
        )
    lines[key] = record.line


class _Series:
    """The rows of one series in the long form."""

    def __init__(self, name: str, line: int, label: Any) -> None:
        self.name, self.line, self.label = name, line, label
        self.steps: dict[Any, list[float]] = {}


def _read_long(table, label) -> dict[str, _Series]:
    """Returns the series of a table in the order of their first rows."""
    all_series: dict[str, _Series] = {}
    kind = None
    for record in table.records:
        key = _id(table, record)
        found = None if label is None else _label(table.cell(record.line, label), record, label)
        series = all_series.setdefault(key, _Series(key, record.line, found))
        if found != series.label:
            first, now = (each or "" for each in (series.label, found))
            raise SourceError(
                f"{table.cell(record.line, label)}: {quoted(now)}, but {quoted(first)} in "
                f"{table.place(series.line).rpartition(', ')[2]}, of the same series "
                f"{quoted(key)}; expected one label for all rows of a series"
            )
        time = _time(table, record)
        kind = kind or type(time)
        given = quoted(_shown(record.values[table.layout.time]), LONGEST_SHOWN)
        if type(time) is not kind:
            raise SourceError(
                f"{table.cell(record.line, table.layout.time)}: {given}; expected either numbers "
                "or dates in all rows"
            )
        if time in series.steps:
            raise SourceError(
                f"{table.cell(record.line, table.layout.time)}: {given} again in series "
                f"{quoted(key)}; expected each time once"
            )
        series.steps[time] = [_number(table, record, index) for index in table.layout.values]
    return all_series


def _sorted(series):
    """Returns the steps of a series in the order of time, `(time, features)`."""
    return np.array([series.steps[time] for time in sorted(series.steps)])


def _id(table, record):
    index = table.layout.id
    key = str(_shown(record.values[index])).strip()
    if not key:
        raise SourceError(f"{table.cell(record.line, index)}: empty; expected the series' id")
    return key


def _label(place, record, index):
    """Returns a label as a string; None if it is missing."""
    label = _shown(record.values[index])
    if not isinstance(label, str | int | float):
        raise SourceError(f"{place}: label is {quoted(label)}, expected a string or a number")
    return str(label).strip() or None


def _shown(value):
    """Returns the value of a cell as CSV would have it: a string, or a number that is finite."""
    if value is None or (isinstance(value, _NUMBERS) and value != value):
        return ""
    if isinstance(value, bool | datetime.date):
        return str(value)
    if isinstance(value, float | decimal.Decimal):
        # pandas makes integers floats where some are missing
        return int(value) if float(value).is_integer() else float(value)
    return value


def _number(table, record, index):
    """Returns the number in a cell; NaN if the cell is empty."""
    value = record.values[index]
    if value is None:
        return np.nan
    if isinstance(value, _NUMBERS):
        return float(value)
    if isinstance(value, str):
        try:
            return parse_float(value) if value.strip() else np.nan
        except ValueError:
            pass
    shown = quoted(value, LONGEST_SHOWN)
    raise SourceError(
        f"{table.cell(record.line, index)}: {shown} is not a number; expected one such as -1.5, in "
        "every column but id, time and label"
    )


def _time(table, record):
    """Returns the time in a cell: a finite number or a `datetime`."""
    index = table.layout.time
    value = record.values[index]
    if isinstance(value, datetime.date):  # which a datetime also is
        value = value.isoformat()
    try:
        if isinstance(value, str):
            return _parsed_time(value.strip())
        if isinstance(value, _NUMBERS) and np.isfinite(float(value)):
            return value
    except ValueError:
        pass
    raise SourceError(
        f"{table.cell(record.line, index)}: {quoted(str(value), LONGEST_SHOWN)} is no time; "
        "expected a number, or a date such as 2024-12-31 23:59:00"
    )


def _parsed_time(text):
    try:
        number = parse_float(text)
    except ValueError:
        time = datetime.datetime.fromisoformat(text)
        return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
    if not np.isfinite(number):
        raise ValueError(text)
    return number

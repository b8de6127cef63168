"""Reads sequences from the .ts files of the UEA and UCR archives of time series classification.

Lines that begin with # are comments. The header consists of lines `@name value`, in upper or lower
case, with words separated by spaces or tabs, and ends with `@data`. Each line after it is a
sequence: the values of one feature over time, separated by commas; a colon and the values of the
next feature; at the end a colon and the label. Source: the .ts file format 1.0 of sktime,
https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html
"""

import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import listed, quoted
from pipelines.limits import LINE
from pipelines.numbers import LONGEST_SHOWN, parse_count, parse_float
from pipelines.user_files import read_lines


class _Header(NamedTuple):
    """The header's description of the sequences; None where it has none."""

    has_labels: bool
    classes: frozenset[str] | None
    num_features: int | None
    length: int | None


def read_ts(
    path: pathlib.Path, with_labels: bool, limit: int = LINE, is_number: bool = False
) -> Iterator[tuple[int, str, Callable[[], np.ndarray], str | None]]:
    """Yields line, place for messages, a function that returns `(time, features)`, and label.

    A line may have at most `limit` bytes. `is_number` says whether labels are numbers to be
    predicted.
    """
    said: dict[str, tuple[str, str]] = {}
    header, empty = None, True
    for number, line in _lines(path, limit):
        place = f"{path}, line {number}"
        if header is None:
            name, value = _header_line(place, line)
            said[name] = (value, place)
            if name == "data":
                header = _header(place, said, with_labels, is_number)
            continue
        empty = False
        features = line.split(":")
        label = features.pop().strip() if header.has_labels else None
        _check_sample(place, header, features, label)
        yield number, place, functools.partial(_values, place, header, features), label
    if header is None:
        raise SourceError(f"{path}: no line @data; expected a header that ends with it")
    if empty:
        raise SourceError(f"{path}: no sequences after @data")


def _lines(path, limit):
    """Yields (number, line) of the lines that are neither blank nor comments."""
    for number, line in read_lines(path, limit):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def _header_line(place, line):
    """Returns name and value of a header line, the name in lower case."""
    if not line.startswith("@"):
        raise SourceError(f"{place}: {_shown(line)} in the header; expected @name value or @data")
    name, *value = line[1:].split(maxsplit=1) or [""]
    return name.lower(), "".join(value).strip()


def _header(place, said, with_labels, is_number):
    """Returns the header from a dictionary of its lines: name -> (value, place)."""

    def value(name):
        return said.get(name, ("", place))[0]

    def is_true(name):
        return value(name).lower().split()[:1] == ["true"]

    if is_true("timestamps"):
        raise SourceError(
            f"{said['timestamps'][1]}: timestamps are not supported; expected @timeStamps false "
            "and numbers at regular intervals"
        )
    has_labels, has_numbers = is_true("classlabel"), is_true("targetlabel")
    if with_labels and is_number and not (has_labels or has_numbers):
        raise SourceError(f"{place}: no numbers to predict; expected @targetLabel true above @data")
    if with_labels and not is_number and not has_labels:
        advice = "; --task=sequence_regression predicts numbers" if has_numbers else ""
        raise SourceError(
            f"{place}: no class labels; expected @classLabel true and the names above @data{advice}"
        )
    dimensions = "dimensions" if "dimensions" in said else "dimension"
    return _Header(
        has_labels or has_numbers,
        frozenset(value("classlabel").split()[1:]) or None if has_labels else None,
        1 if is_true("univariate") else _integer(said, dimensions),
        _integer(said, "serieslength") if is_true("equallength") else None,
    )


def _integer(said, name):
    """Returns a positive integer of the header, or None if the header does not have it."""
    if name not in said:
        return None
    value, place = said[name]
    number = parse_count(value)
    if not number:
        raise SourceError(f"{place}: @{name} is {_shown(value)}; expected an integer of at least 1")
    return number


def _check_sample(place, header, features, label):
    """Checks what can be checked without parsing the numbers."""
    if not features:
        raise SourceError(f"{place}: no colon; expected numbers, a colon and the label")
    if header.num_features not in (None, len(features)):
        raise SourceError(
            f"{place}: {len(features)} features; expected {header.num_features} as in the header"
        )
    if header.classes and label not in header.classes:
        known = listed(sorted(header.classes))
        raise SourceError(f"{place}: label {quoted(label)}; expected one of the header's: {known}")


def _values(place, header, features):
    """Returns the numbers of a line as `(time, features)`."""
    columns = [_numbers(f"{place}, feature {n}", text) for n, text in enumerate(features)]
    for number, column in enumerate(columns):
        if len(column) != len(columns[0]):
            raise SourceError(
                f"{place}: feature {number} has {len(column)} numbers; "
                f"expected {len(columns[0])} like feature 0"
            )
    if header.length not in (None, len(columns[0])):
        raise SourceError(
            f"{place}: {len(columns[0])} numbers per feature; "
            f"expected {header.length}, the header's @seriesLength"
        )
    return np.stack(columns, axis=1)


def _numbers(place, text):
    """Returns the numbers of one feature."""
    numbers = []
    for time, token in enumerate(text.split(",")):
        try:
            numbers.append(parse_float(token))
        except ValueError as error:
            missing = token.strip() in ("?", "")
            what = "a missing value" if missing else f"{_shown(token)} is not a number"
            raise SourceError(
                f"{place}, time {time} (from 0): {what}; expected a number"
            ) from error
    return np.array(numbers)


def _shown(text):
    return quoted(text, LONGEST_SHOWN)

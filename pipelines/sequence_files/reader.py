"""Reads sequences of numbers with labels from .npz and .ts files, and from tables.

The suffix of a file sets its format. Labels are names of classes, or numbers to be predicted.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import ARRAYS, LINE
from pipelines.numbers import LONGEST_SHOWN, parse_float
from pipelines.paths import StrPath
from pipelines.sequence_files import table_file
from pipelines.sequence_files.columns import USUAL, Columns
from pipelines.sequence_files.npz_file import describe_npz, read_npz
from pipelines.sequence_files.ts_file import read_ts
from pipelines.user_files import clean_label, file_of_type

TABLES = tuple(table_file.READERS)
SUFFIXES = (".npz", ".ts", *TABLES)
_LIMITS = {".npz": ARRAYS, ".parquet": ARRAYS}


class Reading(NamedTuple):
    """How files are read.

    Attributes:
        columns: the names of the columns of tables.
        features: the names of the features of a table in the long form, in their order; empty for
            those that the file has.
        is_number: whether labels are numbers to be predicted, not classes.
        leaves_out: whether sequences without a label, or with a missing number, are left out. If
            not, they are errors.
    """

    columns: Columns = USUAL
    features: tuple[str, ...] = ()
    is_number: bool = False
    leaves_out: bool = False


USUAL_READING = Reading()


class Sequence(NamedTuple):
    """One sequence.

    Attributes:
        number: the position in the file: index from 0 in an .npz file, otherwise the line, or the
            first of the lines, from 1.
        place: file and number, for messages.
        values: `(time, features)` float32; None if all values are NaN, or the sequence is left out.
        label: the label, a string or a number; None if labels are not read.
    """

    number: int
    place: str
    values: np.ndarray | None
    label: str | float | None


def read_sequences(
    path: StrPath,
    with_labels: bool = True,
    num_features: int | None = None,
    limit: int | None = None,
    all_nan: bool = False,
    how: Reading = USUAL_READING,
) -> Iterator[Sequence]:
    """Yields the `Sequence`s of a file.

    Args:
        path: a file that ends in one of `SUFFIXES`.
        with_labels: whether to read labels; if not, the file may lack them.
        num_features: the expected number of features; None for that of the first sequence.
        limit: the largest size in bytes of all arrays of an .npz or .parquet file together, or of a
            line of the others; None for the usual one.
        all_nan: whether sequences may consist of NaN alone.
        how: the `Reading`.

    Raises:
        SourceError: naming the file and the array or line that cannot be used.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, x=np.zeros((2, 5, 3)), lengths=[4, 5], y=["up", "down"])
    >>> [(sequence.values.shape, sequence.label) for sequence in read_sequences(path)]
    [((4, 3), 'up'), ((5, 3), 'down')]
    """
    for number, place, read, label in _rows(path, with_labels, limit, how):
        label = _checked_label(place, label, how) if with_labels else None
        if with_labels and label is None:
            yield Sequence(number, place, None, None)
            continue
        values = read()
        num_features = num_features or values.shape[1]
        if values.shape[1] != num_features:
            raise SourceError(
                f"{place}: {values.shape[1]} features; expected {num_features} like the others"
            )
        numbers = _float32(place, values, all_nan, how.leaves_out)
        yield Sequence(number, place, numbers, label)


def read_labels(
    path: StrPath, limit: int | None = None, how: Reading = USUAL_READING
) -> tuple[int, set[Any]]:
    """Returns the number of features and the set of labels of a file.

    It is faster than `read_sequences` because it parses only the first sequence, and raises the
    same errors.
    """
    num_features, labels = 0, set()
    for _, place, read, label in _rows(path, True, limit, how):
        num_features = num_features or read().shape[1]
        labels.add(_checked_label(place, label, how))
    if labels == {None}:
        raise SourceError(f"{path}: no sequence has a label")
    return num_features, labels - {None}


def describe(path: StrPath, limit: int | None = None, how: Reading = USUAL_READING) -> list[str]:
    """Returns a line for what was guessed about a file; none if nothing was."""
    path, suffix = file_of_type(path, SUFFIXES)
    limit = limit or _LIMITS.get(suffix, LINE)
    if suffix in TABLES:
        return [table_file.describe_table(path, True, limit, how.columns)]
    return describe_npz(path, limit) if suffix == ".npz" and not how.is_number else []


def feature_names(
    path: StrPath, limit: int | None = None, columns: Columns = USUAL
) -> tuple[str, ...]:
    """Returns the names of the features in a table of the long form; none of other files."""
    path, suffix = file_of_type(path, SUFFIXES)
    if suffix not in TABLES:
        return ()
    limit = limit or _LIMITS.get(suffix, LINE)
    return tuple(table_file.open_table(path, False, limit, columns).features)


def read_ids_and_labels(
    path: StrPath, limit: int | None = None, columns: Columns = USUAL
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yields, for each sequence of a table, its id and its label by the name of the column.

    The id is None, or the dictionary empty, if the table has no such column.
    """
    path, suffix = file_of_type(path, TABLES)
    return table_file.read_ids_and_labels(path, limit or _LIMITS.get(suffix, LINE), columns)


def _rows(path, with_labels, limit, how):
    """Yields number, place for messages, a function that returns the values, and label."""
    path, suffix = file_of_type(path, SUFFIXES)
    limit = limit or _LIMITS.get(suffix, LINE)
    if suffix in TABLES:
        return table_file.read_table(path, with_labels, limit, how.columns, how.features)
    if suffix == ".npz":
        return read_npz(path, with_labels, limit, is_number=how.is_number)
    return read_ts(path, with_labels, limit, how.is_number)


def _checked_label(place, label, how):
    """Returns a label as a string or a number; None if it is missing and that is allowed."""
    missing = ("", "?") if how.is_number else ("",)
    text = "" if label is None or label != label else str(label).strip()
    if text in missing:
        if how.leaves_out:
            return None
        raise SourceError(f"{place}: the label is empty; --on_error=skip leaves such examples out")
    return _number(place, label) if how.is_number else clean_label(place, label)


def _number(place, label):
    """Returns a label as a number that is finite in float32; NaN is a missing label."""
    try:
        number = parse_float(label) if isinstance(label, str) else float(label)
    except ValueError:
        number = math.inf
    with np.errstate(over="ignore"):
        if np.isfinite(np.float32(number)):
            return number
    raise SourceError(
        f"{place}: label {quoted(label, LONGEST_SHOWN)} is not a finite number; --task=sequence "
        "learns classes"
    )


def _float32(place, values, all_nan, leaves_out):
    """Returns the values as finite float32; None if all are NaN and `all_nan` allows it.

    With `leaves_out`, returns None if some are not finite.
    """
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if np.isnan(numbers).all():
        if all_nan:
            return None
        raise SourceError(f"{place}: every number is NaN; expected at least one time step")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        if leaves_out:
            return None
        time, feature = np.unravel_index(wrong.argmax(), wrong.shape)
        raise SourceError(
            f"{place}: {values[time, feature]} at time {time}, feature {feature} (from 0); "
            "expected finite float32 numbers; fill in missing values or leave them out"
        )
    return numbers

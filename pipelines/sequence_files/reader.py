"""Reads sequences of numbers with labels from .npz and .ts files, the format told by the suffix."""

import pathlib
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import ARRAYS, LINE
from pipelines.sequence_files.npz_file import read_npz
from pipelines.sequence_files.ts_file import read_ts
from pipelines.user_files import clean_label

_READERS = {".npz": read_npz, ".ts": read_ts}
LIMITS = {".npz": ARRAYS, ".ts": LINE}


class Sequence(NamedTuple):
    """One sequence.

    Attributes:
        number: where in the file: the index from 0 in an .npz file, the line from 1 in a .ts file.
        place: file and number in words, for messages.
        values: `(time, features)` float32; None for a sequence of nothing but NaN.
        label: string; None unless labels are wanted.
    """

    number: int
    place: str
    values: np.ndarray
    label: str | None


def read_sequences(path, with_labels=True, num_features=None, limit=None, all_nan=False):
    """Yields the `Sequence`s of a file.

    Args:
        path: a file that ends in `.npz` or `.ts`.
        with_labels: whether labels are wanted; otherwise there need not be any.
        num_features: integer, the number of features expected; None for that of the first sequence.
        limit: integer, the size in bytes of the largest arrays of an .npz file, all together, or
            of the longest line of a .ts file; None for the usual one.
        all_nan: whether there may be sequences of nothing but NaN.

    Raises:
        SourceError: naming file and array or line, if anything in it cannot be used.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, x=np.zeros((2, 5, 3)), lengths=[4, 5], y=["up", "down"])
    >>> [(sequence.values.shape, sequence.label) for sequence in read_sequences(path)]
    [((4, 3), 'up'), ((5, 3), 'down')]
    """
    for number, place, values, label in _rows(path, with_labels, limit):
        values = values()
        num_features = num_features or values.shape[1]
        if values.shape[1] != num_features:
            raise SourceError(
                f"{place}: {values.shape[1]} features; expected {num_features} like all others"
            )
        values = _float32(place, values, all_nan)
        yield Sequence(number, place, values, clean_label(place, label) if with_labels else None)


def read_labels(path, limit=None):
    """Returns the number of features and the set of labels of a file.

    Quicker than reading the sequences, of which it checks the first only. Raises the same.
    """
    num_features, labels = None, set()
    for _, place, values, label in _rows(path, True, limit):
        num_features = num_features or values().shape[1]
        labels.add(clean_label(place, label))
    return num_features, labels


def _rows(path, with_labels, limit):
    """Yields number, place in words, a function that returns the values, and label."""
    path = pathlib.Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise SourceError(f"{path}: file type {quoted(suffix)} is none of {', '.join(_READERS)}")
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    return _READERS[suffix](path, with_labels, limit or LIMITS[suffix])


def _float32(place, values, all_nan):
    """Returns the values as float32, which must be finite; None if all are NaN and may be."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if np.isnan(numbers).all():
        if all_nan:
            return None
        raise SourceError(f"{place}: every number is NaN; expected at least one time step")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        time, feature = np.unravel_index(wrong.argmax(), wrong.shape)
        raise SourceError(
            f"{place}: {values[time, feature]} at time {time}, feature {feature} (from 0); "
            "expected finite float32 numbers, so fill in or leave out what is missing"
        )
    return numbers

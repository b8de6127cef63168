"""Reads sequences of numbers with labels from .npz and .ts files; the suffix sets the format."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.limits import ARRAYS, LINE
from pipelines.paths import StrPath
from pipelines.sequence_files.npz_file import describe_npz, read_npz
from pipelines.sequence_files.ts_file import read_ts
from pipelines.user_files import clean_label, file_of_type

_READERS = {".npz": read_npz, ".ts": read_ts}
LIMITS = {".npz": ARRAYS, ".ts": LINE}


class Sequence(NamedTuple):
    """One sequence.

    Attributes:
        number: the position in the file: index from 0 in an .npz file, line from 1 in a .ts file.
        place: file and number, for messages.
        values: `(time, features)` float32; None if all values are NaN.
        label: the label; None if labels are not read.
    """

    number: int
    place: str
    values: np.ndarray | None
    label: str | None


def read_sequences(
    path: StrPath,
    with_labels: bool = True,
    num_features: int | None = None,
    limit: int | None = None,
    all_nan: bool = False,
) -> Iterator[Sequence]:
    """Yields the `Sequence`s of a file.

    Args:
        path: a file that ends in `.npz` or `.ts`.
        with_labels: whether to read labels; if not, the file may lack them.
        num_features: the expected number of features; None for that of the first sequence.
        limit: the largest size in bytes of all arrays of an .npz file together, or of a line of a
            .ts file; None for the usual one.
        all_nan: whether sequences may consist of NaN alone.

    Raises:
        SourceError: naming the file and the array or line that cannot be used.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, x=np.zeros((2, 5, 3)), lengths=[4, 5], y=["up", "down"])
    >>> [(sequence.values.shape, sequence.label) for sequence in read_sequences(path)]
    [((4, 3), 'up'), ((5, 3), 'down')]
    """
    for number, place, read, label in _rows(path, with_labels, limit):
        values = read()
        num_features = num_features or values.shape[1]
        if values.shape[1] != num_features:
            raise SourceError(
                f"{place}: {values.shape[1]} features; expected {num_features} like the others"
            )
        numbers = _float32(place, values, all_nan)
        yield Sequence(number, place, numbers, clean_label(place, label) if with_labels else None)


def read_labels(path: StrPath, limit: int | None = None) -> tuple[int, set[str]]:
    """Returns the number of features and the set of labels of a file.

    It is faster than `read_sequences` because it parses only the first sequence, and raises the
    same errors.
    """
    num_features, labels = 0, set()
    for _, place, read, label in _rows(path, True, limit):
        num_features = num_features or read().shape[1]
        labels.add(clean_label(place, label))
    return num_features, labels


def describe(path: StrPath, limit: int | None = None) -> list[str]:
    """Returns a line for what was guessed about a file; none if nothing was."""
    path, suffix = file_of_type(path, _READERS)
    return describe_npz(path, limit or ARRAYS) if suffix == ".npz" else []


def _rows(path, with_labels, limit):
    """Yields number, place for messages, a function that returns the values, and label."""
    path, suffix = file_of_type(path, _READERS)
    return _READERS[suffix](path, with_labels, limit or LIMITS[suffix])


def _float32(place, values, all_nan):
    """Returns the values as finite float32; None if all are NaN and `all_nan` allows it."""
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
            "expected finite float32 numbers; fill in missing values or leave them out"
        )
    return numbers

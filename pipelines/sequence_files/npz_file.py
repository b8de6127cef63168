"""Reads sequences from NumPy's .npz archives. Nothing is ever unpickled.

There are two forms. Padded: `x` `(n, time, features)` and optionally `lengths` `(n,)`. Ragged:
`values` `(total, features)`, all sequences concatenated, and `row_splits` `(n + 1,)`, the beginning
of each sequence and the end of the last. In both, `y` `(n,)` holds the labels, integers or strings.
Other arrays are refused: one might be a misspelled `lengths`.
"""

import functools
import io
import math
import tokenize
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pipelines.archives.zip_archive import read_members
from pipelines.errors import SourceError
from pipelines.escaping import cut, listed, one_line
from pipelines.limits import ARRAYS, check_size
from pipelines.paths import StrPath

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_WRONG_HEADER = (ValueError, TypeError, SyntaxError, KeyError, RecursionError, tokenize.TokenError)
_LONGEST_SHOWN, _MOST_DIMENSIONS = 200, 8
_PADDED, _RAGGED = ("x", "lengths", "y"), ("values", "row_splits", "y")
_FORMS = "expected x (n, time, features), lengths (n,) if they differ, y; or values, row_splits, y"


def read_npz(
    path: StrPath, with_labels: bool, limit: int = ARRAYS
) -> Iterator[tuple[int, str, Callable[[], np.ndarray], Any]]:
    """Yields index, place for messages, a function that returns `(time, features)`, and label.

    All arrays together may have at most `limit` bytes.
    """
    arrays = _load(path, limit)
    name = "x" if "x" in arrays else "values"
    count, piece = _padded(path, arrays) if name == "x" else _ragged(path, arrays)
    if not count:
        raise SourceError(f"{path}: no sequences in it")
    label = _labels(path, arrays, count) if with_labels else lambda index: None
    for index in range(count):
        place = f"{path}, sequence {index} of {name}"
        yield index, place, functools.partial(piece, index), label(index)


def _load(path, limit):
    """Returns the arrays in the archive, which must be those of one of the two forms."""
    members = read_members(path, lambda name: True, "an .npz archive")
    _check_names(path, [_array_name(member) for member in members])
    size = sum(member.size for member in members)
    check_size(f"{path}, arrays {', '.join(map(_array_name, members))}", size, limit)
    return {
        _array_name(member): _array(f"{path}, array {_array_name(member)}", member.read(limit))
        for member in members
    }


def _array_name(member):
    return member.name.removesuffix(".npy")


def _array(place, content):
    """Returns the array in the content of a .npy file, which must have no other content."""
    file = io.BytesIO(content)
    try:
        read_header = _HEADER_READERS[np.lib.format.read_magic(file)]
        shape, is_fortran, dtype = read_header(file)
    except _WRONG_HEADER as error:
        reason = one_line(error, _LONGEST_SHOWN)
        raise SourceError(
            f"{place}: damaged or not an array ({reason}); numpy.savez writes them"
        ) from error
    if dtype.hasobject:
        raise SourceError(
            f"{place}: an object array, which is never loaded, since it can run any code; {_FORMS}"
        )
    if dtype.kind == "V" or not dtype.itemsize or len(shape) > _MOST_DIMENSIONS:
        given = cut(f"type {dtype}, {len(shape)} dimensions", _LONGEST_SHOWN)
        raise SourceError(f"{place}: {given}; expected numbers, or strings for labels; {_FORMS}")
    size, found = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if min(shape, default=0) < 0 or size != found:
        claimed = cut(f"{shape} of {dtype}", _LONGEST_SHOWN)
        raise SourceError(
            f"{place}: damaged: {found:,} bytes of data, which do not match shape {claimed}"
        )
    if not size:
        return np.zeros(shape, dtype)
    array = np.frombuffer(content, dtype, offset=file.tell())
    return array.reshape(shape[::-1]).transpose() if is_fortran else array.reshape(shape)


def _check_names(path, names):
    form = _PADDED if "x" in names else _RAGGED
    if form[0] not in names or not set(names) <= set(form) or len(names) > len(set(names)):
        raise SourceError(f"{path}: found {listed(sorted(names)) or 'no arrays'}; {_FORMS}")


def _padded(path, arrays):
    """Returns the number of sequences in `x`, and a function from an index to a sequence."""
    x = _numbers(path, "x", arrays["x"], "(n, time, features)")
    n, time, _ = x.shape
    if "lengths" not in arrays:
        return n, x.__getitem__
    lengths = arrays["lengths"]
    _check_integers(path, "lengths", lengths, n)
    wrong = (lengths < 1) | (lengths > time)
    if wrong.any():
        index = wrong.argmax()
        raise SourceError(
            f"{path}, array lengths: {lengths[index]} at index {index}; "
            f"expected 1 to {time}, the time steps of x"
        )
    return n, lambda index: x[index, : lengths[index]]


def _ragged(path, arrays):
    """Returns the number of sequences in `values`, and a function from an index to a sequence."""
    values = _numbers(path, "values", arrays["values"], "(total, features)")
    if "row_splits" not in arrays:
        raise SourceError(f"{path}: values without row_splits; {_FORMS}")
    splits = arrays["row_splits"]
    _check_integers(path, "row_splits", splits)
    if splits.size < 1 or splits[0] != 0 or splits[-1] != len(values):
        given = f"{splits[0]} to {splits[-1]}" if splits.size else "nothing"
        raise SourceError(
            f"{path}, array row_splits: {given}; expected 0 to {len(values)}, the length of values"
        )
    wrong = splits[1:] <= splits[:-1]
    if wrong.any():
        index = wrong.argmax()
        raise SourceError(
            f"{path}, array row_splits: {splits[index]}, then {splits[index + 1]} at index "
            f"{index + 1}; expected increasing numbers, since no sequence may be empty"
        )
    return len(splits) - 1, lambda index: values[splits[index] : splits[index + 1]]


def _labels(path, arrays, n):
    """Returns a function from an index to the label, an integer or a string."""
    if "y" not in arrays:
        raise SourceError(f"{path}: no array y; expected labels y ({n},), integers or strings")
    y = arrays["y"]
    if y.dtype.kind not in "iuSU":
        raise SourceError(f"{path}, array y: type {y.dtype}; expected integers or strings")
    if y.shape != (n,):
        raise SourceError(f"{path}, array y: shape {y.shape}; expected ({n},), one label each")

    def label(index):
        try:
            return y[index].decode("utf-8") if y.dtype.kind == "S" else y[index].item()
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}, array y: not UTF-8 text ({error})") from error

    return label


def _numbers(path, name, array, form):
    """Returns an array after checking its type and its shape, except for the first dimension."""
    if array.dtype.kind not in "iufb":
        raise SourceError(f"{path}, array {name}: type {array.dtype}; expected numbers")
    if array.ndim != form.count(",") + 1 or 0 in array.shape[1:]:
        raise SourceError(f"{path}, array {name}: shape {array.shape}; expected {form}")
    return array


def _check_integers(path, name, array, n=None):
    expected = "(n + 1,)" if n is None else f"({n},)"
    if array.dtype.kind not in "iu":
        raise SourceError(f"{path}, array {name}: type {array.dtype}; expected integers")
    if array.ndim != 1 or n not in (None, len(array)):
        raise SourceError(f"{path}, array {name}: shape {array.shape}; expected {expected}")

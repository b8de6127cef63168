"""Reads sequences from NumPy's .npz archives. Nothing is ever unpickled.

There are two forms. Padded: `x` `(n, time, features)` and optionally `lengths` `(n,)`. Ragged:
`values` `(total, features)`, all sequences concatenated, and `row_splits` `(n + 1,)`, the beginning
of each sequence and the end of the last. In both, `y` `(n,)` holds the labels, integers or strings,
or `y` `(n, classes)` one-hot labels, which mean the classes from 0.
Other arrays are refused: one might be a misspelled `lengths`. `Content` says what stands in the
place of `features`.
"""

import functools
import io
import math
import tokenize
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pipelines.archives.zip_archive import read_members
from pipelines.errors import SourceError
from pipelines.escaping import cut, listed, one_line
from pipelines.limits import ARRAYS, check_size
from pipelines.one_hot import classes_of_one_hot, one_hot_line
from pipelines.paths import StrPath

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_WRONG_HEADER = (ValueError, TypeError, SyntaxError, KeyError, RecursionError, tokenize.TokenError)
_LONGEST_SHOWN, _MOST_DIMENSIONS = 200, 8
_PADDED, _RAGGED = ("x", "lengths", "y"), ("values", "row_splits", "y")


class Content(NamedTuple):
    """What an archive holds.

    Attributes:
        name: what one example is called.
        time: what the steps are called.
        step: the dimensions of a step, in words.
        other_step: fewer dimensions, which a step may have instead; None if it may not.
    """

    name: str
    time: str
    step: str
    other_step: str | None = None

    @property
    def forms(self) -> str:
        """The two forms, for messages."""
        padded = f"x (n, {self.time}, {self.step}), lengths (n,) if they differ, y"
        return f"expected {padded}; or values, row_splits, y"

    def shape(self, before: str) -> str:
        """Returns the shape of an array of steps, for messages."""
        shapes = [f"({before}, {step})" for step in (self.step, self.other_step) if step]
        return " or ".join(shapes)

    def ranks(self, before: str) -> set[int]:
        """Returns the numbers of dimensions that such an array may have."""
        steps = (self.step, self.other_step)
        return {f"{before}, {step}".count(",") + 1 for step in steps if step}


SEQUENCES = Content("sequence", "time", "features")


def read_npz(
    path: StrPath,
    with_labels: bool,
    limit: int = ARRAYS,
    content: Content = SEQUENCES,
    is_number: bool = False,
) -> Iterator[tuple[int, str, Callable[[], np.ndarray], Any]]:
    """Yields index, place for messages, a function that returns `(time, features)`, and label.

    All arrays together may have at most `limit` bytes. If labels are numbers to be predicted,
    `is_number`, they may have any numeric type.
    """
    arrays = _load(path, limit, content)
    name, read = ("x", _padded) if "x" in arrays else ("values", _ragged)
    count, piece = read(path, arrays, content)
    if not count:
        raise SourceError(f"{path}: no {content.name}s in it")
    label = _labels(path, arrays, count, is_number) if with_labels else lambda index: None
    for index in range(count):
        place = f"{path}, {content.name} {index} of {name}"
        yield index, place, functools.partial(piece, index), label(index)


def _load(path, limit, content):
    """Returns the arrays in the archive, which must be those of one of the two forms."""
    members = read_members(path, lambda name: True, "an .npz archive")
    _check_names(path, [_array_name(member) for member in members], content.forms)
    size = sum(member.size for member in members)
    check_size(f"{path}, arrays {', '.join(map(_array_name, members))}", size, limit)
    arrays = {}
    for member in members:
        name = _array_name(member)
        arrays[name] = _array(f"{path}, array {name}", member.read(limit), content.forms)
    return arrays


def _array_name(member):
    return member.name.removesuffix(".npy")


def _array(place, content, forms):
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
            f"{place}: an object array, which is never loaded, since it can run any code; {forms}"
        )
    if dtype.kind == "V" or not dtype.itemsize or len(shape) > _MOST_DIMENSIONS:
        given = cut(f"type {dtype}, {len(shape)} dimensions", _LONGEST_SHOWN)
        raise SourceError(f"{place}: {given}; expected numbers, or strings for labels; {forms}")
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


def _check_names(path, names, forms):
    form = _PADDED if "x" in names else _RAGGED
    if form[0] not in names or not set(names) <= set(form) or len(names) > len(set(names)):
        raise SourceError(f"{path}: found {listed(sorted(names)) or 'no arrays'}; {forms}")


def _padded(path, arrays, content):
    """Returns the number of sequences in `x`, and a function from an index to a sequence."""
    x = _numbers(path, "x", arrays["x"], content, f"n, {content.time}")
    n, time, *_ = x.shape
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


def _ragged(path, arrays, content):
    """Returns the number of sequences in `values`, and a function from an index to a sequence."""
    values = _numbers(path, "values", arrays["values"], content, "total")
    if "row_splits" not in arrays:
        raise SourceError(f"{path}: values without row_splits; {content.forms}")
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
            f"{index + 1}; expected increasing numbers, since no {content.name} may be empty"
        )
    return len(splits) - 1, lambda index: values[splits[index] : splits[index + 1]]


def _labels(path, arrays, n, is_number):
    """Returns a function from an index to the label, a number or a string."""
    expected = "numbers" if is_number else "integers or strings"
    if "y" not in arrays:
        raise SourceError(f"{path}: no array y; expected labels y ({n},), {expected}")
    y = arrays["y"]
    if is_number and y.shape == (n, 1):
        y = y[:, 0]
    elif not is_number and y.ndim == 2 and len(y) == n:
        y = _from_one_hot(path, y)
    if y.dtype.kind not in ("iufSU" if is_number else "iuSU"):
        advice = "; --task=sequence_regression predicts numbers" if y.dtype.kind == "f" else ""
        raise SourceError(f"{path}, array y: type {y.dtype}; expected {expected}{advice}")
    if y.shape != (n,):
        raise SourceError(f"{path}, array y: shape {y.shape}; expected ({n},), one label each")

    def label(index):
        try:
            return y[index].decode("utf-8") if y.dtype.kind == "S" else y[index].item()
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}, array y: not UTF-8 text ({error})") from error

    return label


def _from_one_hot(path, y):
    classes = classes_of_one_hot(y)
    if classes is None:
        raise SourceError(
            f"{path}, array y: shape {y.shape}, but not one-hot; expected one label each, "
            f"({len(y)},), or a single 1 in each row of zeros"
        )
    return classes


def describe_npz(path: StrPath, limit: int = ARRAYS, content: Content = SEQUENCES) -> list[str]:
    """Returns the line that says that an archive's labels are one-hot; nothing if they are not."""
    y = _load(path, limit, content).get("y")
    return [one_hot_line(str(path), y.shape[1])] if y is not None and y.ndim == 2 else []


def _numbers(path, name, array, content, before):
    """Returns an array after checking its type and its shape, except for the first dimension."""
    if array.dtype.kind not in "iufb":
        raise SourceError(f"{path}, array {name}: type {array.dtype}; expected numbers")
    if array.ndim not in content.ranks(before) or 0 in array.shape[1:]:
        expected = content.shape(before)
        raise SourceError(f"{path}, array {name}: shape {array.shape}; expected {expected}")
    return array


def _check_integers(path, name, array, n=None):
    expected = "(n + 1,)" if n is None else f"({n},)"
    if array.dtype.kind not in "iu":
        raise SourceError(f"{path}, array {name}: type {array.dtype}; expected integers")
    if array.ndim != 1 or n not in (None, len(array)):
        raise SourceError(f"{path}, array {name}: shape {array.shape}; expected {expected}")

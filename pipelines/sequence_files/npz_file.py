"""Reads sequences from NumPy's .npz archives. Nothing is ever unpickled.

There are two forms. Padded: `x` `(n, time, features)` and `lengths` `(n,)`, without which all
sequences are of full length. Ragged: `values` `(total, features)`, all sequences one after the
other, and `row_splits` `(n + 1,)`, where each begins and the last one ends. `y` `(n,)` are the
labels, integers or strings. Other arrays are refused: one might be a misspelt `lengths`.
"""

import tokenize
import zipfile
import zlib

import numpy as np

from pipelines.errors import SourceError

_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, TypeError, SyntaxError),
    *(KeyError, NotImplementedError, RuntimeError, MemoryError, OverflowError, tokenize.TokenError),
)
_PADDED, _RAGGED = ("x", "lengths", "y"), ("values", "row_splits", "y")
_FORMS = "expected x (n, time, features), lengths (n,) if they differ, y; or values, row_splits, y"


def read_npz(path, with_labels):
    """Yields index, place in words, a function that returns `(time, features)`, and label."""
    arrays = _load(path)
    name = "x" if "x" in arrays else "values"
    pieces = _padded(path, arrays) if name == "x" else _ragged(path, arrays)
    if not pieces:
        raise SourceError(f"{path}: no sequences in it")
    labels = _labels(path, arrays, len(pieces)) if with_labels else [None] * len(pieces)
    for index, (piece, label) in enumerate(zip(pieces, labels, strict=True)):
        yield index, f"{path}, sequence {index} of {name}", lambda piece=piece: piece, label


def _load(path):
    """Returns the arrays in the archive, which are those of one of the two forms."""
    if not zipfile.is_zipfile(path):
        raise SourceError(f"{path}: not an .npz archive, or damaged; numpy.savez writes them")
    place = path
    try:
        with np.load(path, allow_pickle=False) as archive:
            _check_names(path, archive.files)
            arrays = {}
            for name in archive.files:
                place = f"{path}, array {name}"
                arrays[name] = archive[name]
    except SourceError:
        raise
    except _DAMAGE as error:
        if "allow_pickle" in str(error):
            raise SourceError(
                f"{place}: an object array, which is never loaded, since it can run any code; "
                f"{_FORMS}"
            ) from error
        raise SourceError(f"{place}: damaged ({' '.join(str(error).split())})") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise SourceError(f"{path}, array {name}: not an array; numpy.savez writes them")
    return arrays


def _check_names(path, names):
    form = _PADDED if "x" in names else _RAGGED
    if form[0] not in names or not set(names) <= set(form):
        raise SourceError(f"{path}: found {', '.join(sorted(names)) or 'no arrays'}; {_FORMS}")


def _padded(path, arrays):
    """Returns the sequences in `x`."""
    x = _numbers(path, "x", arrays["x"], "(n, time, features)")
    n, time, _ = x.shape
    lengths = arrays.get("lengths", np.full(n, time))
    _check_integers(path, "lengths", lengths, n)
    wrong = np.flatnonzero((lengths < 1) | (lengths > time))
    if wrong.size:
        index = wrong[0]
        raise SourceError(
            f"{path}, array lengths: {lengths[index]} at index {index}; "
            f"expected 1 to {time}, the time of x"
        )
    return [sequence[:length] for sequence, length in zip(x, lengths, strict=True)]


def _ragged(path, arrays):
    """Returns the sequences in `values`."""
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
    wrong = np.flatnonzero(splits[1:] <= splits[:-1])
    if wrong.size:
        index = wrong[0]
        raise SourceError(
            f"{path}, array row_splits: {splits[index]}, then {splits[index + 1]} at index "
            f"{index + 1}; expected increasing numbers, for no sequence is empty"
        )
    return [values[start:end] for start, end in zip(splits, splits[1:], strict=False)]


def _labels(path, arrays, n):
    """Returns the labels as integers or strings."""
    if "y" not in arrays:
        raise SourceError(f"{path}: no array y; expected labels y ({n},), integers or strings")
    y = arrays["y"]
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}, array y: not UTF-8 text ({error})") from error
    if y.dtype.kind not in "iuU":
        raise SourceError(f"{path}, array y: type {y.dtype}; expected integers or strings")
    if y.shape != (n,):
        raise SourceError(f"{path}, array y: shape {y.shape}; expected ({n},), one label each")
    return y.tolist()


def _numbers(path, name, array, form):
    """Returns an array after a check of its type and of its shape but for the first number."""
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

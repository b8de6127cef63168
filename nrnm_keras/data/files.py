"""Examples in memory, as the content of the files that the data sets of own files read.

Each function takes examples and one label for each, an array of integers or strings, and raises a
ValueError if the examples are not what they should be.
"""

import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from pipelines.escaping import one_line

_LONGEST_SHOWN = 200


def texts_as_jsonl(texts: Iterable[str], labels: np.ndarray) -> bytes:
    """Returns a line of JSON for each text.

    Example:

    >>> texts_as_jsonl(["fine", "dull"], np.array([1, 0]))
    b'{"text": "fine", "label": "1"}\\n{"text": "dull", "label": "0"}\\n'
    """
    lines = []
    for number, (text, label) in enumerate(zip(texts, labels.tolist(), strict=True)):
        if not isinstance(text, str):
            raise ValueError(f"text {number} is a {type(text).__name__}; expected a string")
        label = label.decode() if isinstance(label, bytes) else str(label)
        lines.append(json.dumps({"text": text, "label": label}) + "\n")
    return "".join(lines).encode()


def sequences_as_npz(sequences: Iterable[Any], labels: np.ndarray) -> bytes:
    """Returns an .npz archive of sequences `(timesteps, features)`, without NaN at the end."""
    return _as_npz(_arrays("sequence", sequences), labels, "sequences (timesteps, features)", 2)


def skeletons_as_npz(skeletons: Iterable[Any], labels: np.ndarray) -> bytes:
    """Returns an .npz archive of joints `(frames, bodies, joints, 3)`, without NaN at the end.

    The joints of a single body may be `(frames, joints, 3)`.
    """
    arrays = [
        array[:, np.newaxis] if array.ndim == 3 else array
        for array in _arrays("skeleton", skeletons)
    ]
    return _as_npz(arrays, labels, "skeletons (frames, bodies, joints, 3)", 4, last=3)


def _arrays(noun, examples):
    """Returns the examples as arrays of float32."""
    try:
        arrays = [_numbers(example) for example in examples]
    except (TypeError, ValueError) as error:
        reason = one_line(error, _LONGEST_SHOWN)
        raise ValueError(f"{noun}s are no arrays of numbers ({reason})") from error
    for number, array in enumerate(arrays):
        if array.ndim and not len(array):
            raise ValueError(f"{noun} {number} has no steps; leave it out")
    return arrays


def _numbers(example):
    array = np.asarray(example)
    if array.dtype.kind not in "iufbO":
        raise TypeError(f"type {array.dtype}")
    with np.errstate(over="ignore"):  # infinite numbers are found when the file is read
        return array.astype(np.float32)


def _as_npz(arrays, labels, form, rank, last=None):
    """Returns an archive of arrays one after the other, and where each begins."""
    noun, shapes = form.partition("s ")[0], [array.shape for array in arrays]
    for number, shape in enumerate(shapes):
        fits = len(shape) == rank and last in (None, shape[-1])
        if not fits or shape[1:] != shapes[0][1:]:
            first = f", and {noun} 0 {shapes[0]}" if number else ""
            raise ValueError(
                f"{noun} {number} has shape {shape}{first}; expected {form}, alike but for the "
                "first size"
            )
    arrays = [_without_padding(array) for array in arrays]
    file = io.BytesIO()
    splits = np.cumsum([0, *map(len, arrays)])
    np.savez(file, values=np.concatenate(arrays), row_splits=splits, y=labels)
    return file.getvalue()


def _without_padding(array):
    """Returns an array up to its last step with a number; all of it if there is none."""
    steps = np.flatnonzero(~np.isnan(array).all(axis=tuple(range(1, array.ndim))))
    return array[: steps[-1] + 1] if steps.size else array

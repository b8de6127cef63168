"""Predictions while a sequence comes in, line by line."""

import json
import re

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.step_check import find_fault
from nrnm_keras.inference.streaming import Streams
from nrnm_keras.inference.trained_model import SEQUENCE, SKELETON, TEXT
from pipelines.numbers import parse_float

_KEY = "standard input"
_LONGEST_SHOWN = 40  # characters


def follow(trained, lines):
    """Yields the prediction so far after each line; an empty line ends a sequence.

    Args:
        trained: a `TrainedModel` that can be fed step by step.
        lines: iterable of lines in UTF-8, bytes. For a model of texts each is the next piece of a
            text, with any number of tokens (a text that comes in lines is never cut, however long).
            For one of skeletons it is a frame, a JSON list of bodies, each a list of joints, each a
            list of x, y and z in metres; zeros for a body that is not there. For one of sequences
            it is a time step: its features as a JSON list, or separated by commas or spaces.

    Yields:
        Probabilities `(classes,)`, what the model gives for the sequence up to here; None after an
        empty line.

    Raises:
        UsageError: if the model needs whole sequences, or a line is not as it should be.
    """
    streams = _open_streams(trained)
    step_in = {TEXT: _piece, SKELETON: _frame, SEQUENCE: _time_step}[trained.kind]
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode().strip()
            step = step_in(trained, text) if text else None
            probabilities = streams.push({_KEY: step})[_KEY] if text else None
        except _MalformedError as error:
            raise UsageError(f"standard input, line {number}: {_shown(text)} {error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input, line {number}: not UTF-8 ({error})") from error
        except ValueError as error:
            raise UsageError(f"standard input, line {number}: {error}") from error
        if not text and len(streams):
            streams.end(_KEY)
        yield probabilities


def _open_streams(trained):
    try:
        return Streams(trained)
    except ValueError as error:
        raise UsageError(
            f"the model cannot be fed step by step ({error}); train one with "
            "--nobidirectional, and for skeletons with --length=all"
        ) from error


class _MalformedError(ValueError):
    """A line that is not what it should be."""


def _piece(trained, line):
    """Returns a piece of a text as it is."""
    return line


def _frame(trained, line):
    """Returns the frame in a line."""
    shape = tuple(trained.model.inputs[0].shape[2:])
    bodies, joints, _ = shape
    expected = f"a JSON list of {bodies} bodies x {joints} joints x 3 numbers"
    return _array(SKELETON, _parse_json(line, expected), shape, expected)


def _time_step(trained, line):
    """Returns the features in a line."""
    shape = tuple(trained.model.inputs[0].shape[2:])
    expected = f"{shape[0]} numbers, as a JSON list or separated by commas or spaces"
    if line.startswith("["):
        values = _parse_json(line, expected)
    else:
        try:
            values = [parse_float(word) for word in re.split(r"\s*,\s*|\s+", line)]
        except ValueError as error:
            raise _MalformedError(f"has {error}; expected {expected}") from error
    return _array(SEQUENCE, values, shape, expected)


def _parse_json(line, expected):
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"is not JSON; expected {expected}") from error


def _array(kind, values, shape, expected):
    """Returns nested lists of numbers as an array of a shape."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise _MalformedError(f"has lists of unequal length; expected {expected}") from error
    if array.shape != shape:
        raise _MalformedError(f"has shape {array.shape}; expected {expected}")
    if array.dtype.kind not in "if":
        raise _MalformedError(f"has something that is not a number; expected {expected}")
    if fault := find_fault(kind, array):
        raise _MalformedError(f"has a number that is not finite, {fault}; expected {expected}")
    return array


def _shown(text):
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")

"""Predictions while a sequence comes in, line by line."""

import json
import re

import numpy as np
import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.preprocessing.text import UNKNOWN
from nrnm_keras.trained_model import SEQUENCE, SKELETON, TEXT
from pipelines.numbers import parse_float

_UNKNOWN_ID = 1
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
    sequence = _LiveSequence(trained)
    steps_in = {TEXT: _tokens, SKELETON: _frame, SEQUENCE: _time_step}[trained.kind]
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode().strip()
            steps = steps_in(trained, text) if text else []
        except _MalformedError as error:
            raise UsageError(f"standard input, line {number}: {_shown(text)} {error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input, line {number}: not UTF-8 ({error})") from error
        if not text:
            sequence.end()
            yield None
            continue
        for step in steps:
            sequence.feed(step)
        yield sequence.probabilities()


class _LiveSequence:
    """A sequence that is fed to a model step by step."""

    def __init__(self, trained):
        try:
            streaming = trained.streaming()
        except ValueError as error:
            raise UsageError(
                f"the model cannot be fed step by step ({error}); train one with "
                "--nobidirectional, and for skeletons with --length=all"
            ) from error
        self._run, self._step_name = tf.function(streaming), streaming.step_name
        self._start = streaming.initial_state(1)
        # What counts as the sequence before its first step: of texts, one unknown token.
        is_text = trained.kind == TEXT
        shape = trained.model.inputs[0].shape[2:]
        self._nothing = np.int32(_UNKNOWN_ID) if is_text else np.zeros(shape, np.float32)
        self.end()
        self.probabilities()  # traces, so that the first line need not wait for it

    def end(self):
        """Ends the sequence; the next step begins another."""
        self._state, self._probabilities = self._start, None

    def feed(self, step):
        """Takes the next step."""
        outputs = self._outputs(step)
        self._state = {name: outputs[f"next_{name}"] for name in self._start}
        self._probabilities = outputs["probabilities"]

    def probabilities(self):
        """Returns the prediction so far, `(classes,)`."""
        if self._probabilities is None:
            return self._outputs(self._nothing)["probabilities"][0].numpy()
        return self._probabilities[0].numpy()

    def _outputs(self, step):
        return self._run({self._step_name: tf.constant(step)[tf.newaxis], **self._state})


class _MalformedError(ValueError):
    """A line that is not what it should be."""


def _tokens(trained, line):
    """Returns the ids of the tokens in a piece of a text."""
    preprocessor = trained.text_preprocessor
    (tokens,) = preprocessor.tokenize([line])
    # A whole text without tokens counts as an unknown one; a piece of a text has none.
    tokens = tokens[tokens != UNKNOWN]
    return preprocessor.lookup(tokens).numpy().astype(np.int32)


def _frame(trained, line):
    """Returns the frame in a line, as the only step."""
    shape = tuple(trained.model.inputs[0].shape[2:])
    bodies, joints, _ = shape
    expected = f"a JSON list of {bodies} bodies x {joints} joints x 3 numbers"
    return [_array(_parse_json(line, expected), shape, expected)]


def _time_step(trained, line):
    """Returns the features in a line, as the only step."""
    shape = tuple(trained.model.inputs[0].shape[2:])
    expected = f"{shape[0]} numbers, as a JSON list or separated by commas or spaces"
    if line.startswith("["):
        values = _parse_json(line, expected)
    else:
        try:
            values = [parse_float(word) for word in re.split(r"\s*,\s*|\s+", line)]
        except ValueError as error:
            raise _MalformedError(f"has {error}; expected {expected}") from error
    features = _array(values, shape, expected)
    if not np.isfinite(features).all():
        raise _MalformedError(f"has a number that is not finite; expected {expected}")
    return [features]


def _parse_json(line, expected):
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"is not JSON; expected {expected}") from error


def _array(values, shape, expected):
    """Returns nested lists of numbers as a float32 array of a shape."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise _MalformedError(f"has lists of unequal length; expected {expected}") from error
    if array.shape != shape:
        raise _MalformedError(f"has shape {array.shape}; expected {expected}")
    if array.dtype.kind not in "if":
        raise _MalformedError(f"has something that is not a number; expected {expected}")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _shown(text):
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")

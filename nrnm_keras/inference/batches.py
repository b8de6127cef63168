"""Raw inputs of any number and length through a model, batch by batch."""

import functools
import itertools

import numpy as np
import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.step_check import find_fault
from nrnm_keras.inference.trained_model import SEQUENCE, TEXT

# Inputs are sorted by length within so many batches: a batch is computed to the end of its longest.
_BATCHES_SORTED = 16
_LONGEST_NAME = 60  # characters, in messages


def predict_each(trained, named_inputs, batch_size=32, on_batch=lambda size: None):
    """Yields (name, probabilities `(classes,)`) of each input, in the order of the inputs.

    Of the inputs only a few batches are in memory at a time.

    Args:
        trained: a `TrainedModel`.
        named_inputs: iterable of pairs (name, raw input): a string, joints
            `(frames, bodies, joints, 3)`, or features `(timesteps, features)`.
        batch_size: positive integer.
        on_batch: function that is called with the size of each batch that is done.

    Raises:
        UsageError: naming the input that has a number that is not finite (a step of nothing but
            NaN is missing, and so is a body with a joint that is NaN), or for which the model
            gives no number.
    """
    run = _compile(trained)
    named_inputs, number = iter(named_inputs), 0
    while window := list(itertools.islice(named_inputs, _BATCHES_SORTED * batch_size)):
        names, values = zip(*window, strict=True)
        shown = functools.partial(_shown_of, names, number)
        _check_inputs(trained.kind, values, shown)
        by_length = np.argsort([len(value) for value in values], kind="stable")
        probabilities = np.empty((len(values), len(trained.class_names)), np.float32)
        for start in range(0, len(values), batch_size):
            chosen = by_length[start : start + batch_size]
            probabilities[chosen] = run(as_batch(trained.kind, [values[i] for i in chosen]))
            on_batch(len(chosen))
        _check_outputs(probabilities, shown)
        number += len(names)
        yield from zip(names, probabilities, strict=True)


def _check_inputs(kind, values, shown):
    """Raises a UsageError for the first input with a number that is not finite."""
    if kind == TEXT:
        return
    for row, value in enumerate(values):
        with np.errstate(over="ignore"):  # what is too large for the model is infinite
            is_right = np.isfinite(np.asarray(value).astype(np.float32)).all()
        for step, numbers in enumerate(() if is_right else value):
            if fault := find_fault(kind, numbers):
                raise UsageError(f"{shown(row)}, step {step} (from 0): {fault}; expected a number")


def _check_outputs(probabilities, shown):
    """Raises a UsageError for the first input whose probabilities are no numbers."""
    wrong = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if wrong.size:
        raise UsageError(
            f"{shown(wrong[0])}: the model gives no probabilities for it; look for extreme numbers"
        )


def _shown_of(names, first, row):
    """Returns the beginning of an input's name, or its number if it has none."""
    name = names[row]
    if name is None:
        return f"input {first + row} (from 0)"
    name = " ".join(str(name).split())
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def as_batch(kind, values):
    """Returns raw inputs as one batch, padded as a model of this kind wants it."""
    if kind == TEXT:
        return tf.constant(values, tf.string)
    shape = (len(values), max(map(len, values)), *np.shape(values[0])[1:])
    batch = np.full(shape, np.nan if kind == SEQUENCE else 0, np.float32)
    for row, value in zip(batch, values, strict=True):
        row[: len(value)] = value
    return batch


@functools.lru_cache(maxsize=1)  # the same model is likely to be used again
def _compile(trained):
    """Returns a function from a batch of any size and length to probabilities."""
    (inputs,) = trained.model.inputs

    # With the shape given it is traced once, where `Model.predict` traces for several lengths.
    @tf.function(input_signature=[tf.TensorSpec(inputs.shape, inputs.dtype)])
    def run(batch):
        probabilities = trained.model(batch, training=False)
        return tf.stack([probabilities[name] for name in trained.class_names], axis=-1)

    return lambda batch: run(batch).numpy()

"""Prediction for raw inputs of any number and length, in batches."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities.modality import Modality

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

# Inputs are sorted by length within this many batches, to save padding.
_BATCHES_SORTED = 16
_LONGEST_NAME = 60  # characters, in messages


def predict_each(
    trained: "TrainedModel",
    named_inputs: Iterable[tuple],
    batch_size: int = 32,
    on_batch: Callable[[int], None] = lambda size: None,
) -> Iterator[tuple]:
    """Yields (name, row) of each input, in the order of the inputs.

    The model's `Output` defines the row: for a classifier, probabilities `(classes,)`. Only a few
    batches of inputs are in memory at a time.

    Args:
        trained: a `TrainedModel`.
        named_inputs: iterable of pairs (name, raw input).
        batch_size: positive integer.
        on_batch: function that is called with the size of each finished batch.

    Raises:
        UsageError: naming an input that the model does not take, that has a number that is not
            finite, or whose prediction is not finite. (A step that is all NaN is missing, and so is
            a body with a NaN joint.)
    """
    run, modality, output = _compile(trained), trained.modality, trained.output
    named_inputs, number = iter(named_inputs), 0
    while window := list(itertools.islice(named_inputs, _BATCHES_SORTED * batch_size)):
        names, values = zip(*window, strict=True)
        shown = functools.partial(_shown_of, names, number)
        for row, value in enumerate(values):
            check_input(modality, value, functools.partial(shown, row))
        lengths = [modality.length(value) for value in values]
        rows = [None] * len(values)
        for chosen in _batches(lengths, batch_size, modality.is_padded):
            results = run(modality.as_batch([values[i] for i in chosen]))
            for i, result in zip(chosen, results, strict=True):
                rows[i] = output.cut(result, lengths[i])
            on_batch(len(chosen))
        _check_outputs(rows, output.noun, shown)
        number += len(names)
        yield from zip(names, rows, strict=True)


def check_input(modality: Modality, value: Any, shown: str | Callable[[], str]) -> None:
    """Raises a `UsageError` if a model does not take a raw input.

    Args:
        modality: the model's `Modality`.
        value: the raw input.
        shown: its name in messages, or a function that returns it.
    """
    if fault := modality.find_fault(value):
        shown = shown if isinstance(shown, str) else shown()
        raise UsageError(f"{shown}{', ' if fault.startswith('step ') else ': '}{fault}")


def _batches(lengths, batch_size, is_padded):
    """Yields the indices of the inputs of each batch, shorter inputs first."""
    by_length = np.argsort(lengths, kind="stable")
    groups = [by_length]
    if not is_padded:
        groups = np.split(by_length, np.flatnonzero(np.diff(np.take(lengths, by_length))) + 1)
    for group in groups:
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def _check_outputs(rows, noun, shown):
    """Raises a UsageError for the first input whose prediction is not finite."""
    for number, row in enumerate(rows):
        if not np.isfinite(row).all():
            raise UsageError(
                f"{shown(number)}: the model's output, {noun}, is not finite; look for extreme "
                "values"
            )


def _shown_of(names, first, row):
    """Returns the beginning of an input's name, or its index if it has none."""
    name = names[row]
    if name is None:
        return f"input {first + row} (from 0)"
    name = " ".join(str(name).split())
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


@functools.lru_cache(maxsize=1)  # the same model is likely to be used again
def _compile(trained):
    """Returns a function from a batch of any size and length to an array of rows."""
    inputs = trained.model.inputs
    specs = [tf.TensorSpec(each.shape, each.dtype) for each in inputs]

    # With an input signature it is traced once; `Model.predict` traces for several lengths.
    @tf.function(input_signature=specs)
    def run(*raw):
        outputs = trained.model(raw[0] if len(raw) == 1 else list(raw), training=False)
        return trained.output.stacked(trained.output.of_model(outputs))

    return lambda batch: run(*(batch if len(inputs) > 1 else [batch])).numpy()

"""Graphs of a model as a SavedModel."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nrnm_keras.layers.private_keras import all_layers
from nrnm_keras.typing import Tensor

# The error message of a graph.
_NO_NUMBER = (
    "a result of the model is not finite; look for numbers that are extreme or not finite in these "
    "rows of the batch (from 0):"
)


def save_graphs(model: keras.Model, functions: dict[str, Any], folder: str | os.PathLike) -> None:
    """Saves functions of a Keras model as a SavedModel that needs only TensorFlow.

    `keras.Model.export` also traces every layer separately, which takes three times as long.

    Args:
        model: the Keras model whose variables and tables the functions use.
        functions: `tf.function`s with one graph each, by name. The first is the default.
        folder: path of the SavedModel.
    """
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    signatures["serving_default"] = next(iter(signatures.values()))
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module_of(model, functions), str(folder), signatures, options)


def refuse_nan(outputs: dict[str, Tensor], results: Sequence[Tensor]) -> dict[str, Tensor]:
    """Returns outputs of a graph that raises an error if a result is not finite.

    Args:
        outputs: dictionary of tensors.
        results: list of tensors `(batch, ...)`.
    """
    finite = [tf.math.is_finite(each) for each in results]
    rows = [tf.reduce_all(each, axis=tf.range(1, tf.rank(each))) for each in finite]
    rows = tf.reduce_all(tf.stack(rows), axis=0)
    facts = [_NO_NUMBER, tf.where(~rows)[:, 0]]
    # The raw operation: `tf.debugging.Assert` builds a conditional around it, which takes longer.
    assertion = tf.raw_ops.Assert(condition=tf.reduce_all(rows), data=facts)
    with tf.control_dependencies([assertion]):
        return {name: tf.identity(output) for name, output in outputs.items()}


def module_of(model: keras.Model, functions: dict[str, Any]) -> tf.Module:
    """Returns a `tf.Module` with functions of a Keras model, and what they refer to."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    lookups = [x for x in all_layers(model) if isinstance(x, keras.layers.StringLookup)]
    module.tables = [lookup.lookup_table for lookup in lookups]
    for name, function in functions.items():
        setattr(module, name, function)
    return module

"""Graphs of a model as a SavedModel."""

import tensorflow as tf

from nrnm_keras.preprocessing import TextPreprocessor


def save_graphs(model, functions, folder):
    """Saves functions of a Keras model as a SavedModel that needs TensorFlow only.

    `keras.Model.export` traces every layer by itself besides, which takes three times as long.

    Args:
        model: the Keras model whose variables and tables the functions use.
        functions: `tf.function`s with one graph each, by name. The first is the default one.
        folder: path of the SavedModel.
    """
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    signatures["serving_default"] = next(iter(signatures.values()))
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module_of(model, functions), str(folder), signatures, options)


def module_of(model, functions):
    """Returns a `tf.Module` with functions of a Keras model, and what they refer to."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    of_text = [layer for layer in model.layers if isinstance(layer, TextPreprocessor)]
    module.tables = [layer.lookup.lookup_table for layer in of_text]
    for name, function in functions.items():
        setattr(module, name, function)
    return module

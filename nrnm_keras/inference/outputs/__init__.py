"""The outputs of models: classes, tags, a number, or a likelihood, with a class for each."""

import keras

from nrnm_keras.inference.outputs.classes import Classes
from nrnm_keras.inference.outputs.likelihood import Likelihood
from nrnm_keras.inference.outputs.number import Number
from nrnm_keras.inference.outputs.output import Output
from nrnm_keras.inference.outputs.tags import Tags

OUTPUTS = (Classes, Tags, Likelihood, Number)

__all__ = ["OUTPUTS", "Output", "output_of"]


def output_of(model: keras.Model, network: keras.Sequential | None) -> Output:
    """Returns the `Output` of a model.

    Args:
        model: the Keras model from raw input.
        network: the `keras.Sequential` in it, or None if it has none.

    Raises:
        ValueError: if the model is not one that a training saves.
    """
    for kind in OUTPUTS:
        if output := kind.find(model, network):
            return output
    raise ValueError("the model is not one that nrnm_keras.train saved")

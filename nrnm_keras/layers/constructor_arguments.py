"""The arguments of a constructor as attributes and as configuration.

Each argument stands in the signature and in the docstring. What Keras writes out besides, an
attribute and an entry of the configuration for each of them, is made here from their names.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import activations, constraints, initializers, regularizers

from nrnm_keras.typing import Config

# What turns an argument into an object and back, by the last word of the argument's name. All
# other arguments are kept as they are given.
_KINDS = {
    "activation": activations,
    "constraint": constraints,
    "initializer": initializers,
    "regularizer": regularizers,
}


def argument_names(cls: type) -> tuple[str, ...]:
    """The names of the arguments in the signature of a class, without `**kwargs`."""
    parameters = inspect.signature(cls).parameters.values()
    return tuple(each.name for each in parameters if each.kind != each.VAR_KEYWORD)


def set_attributes(layer: keras.Layer, arguments: Mapping[str, Any], names: Sequence[str]) -> None:
    """Sets the arguments of these names as attributes of a layer.

    `arguments` are the `locals()` of its constructor.
    """
    for name in names:
        value, kind = arguments[name], _kind(name)
        setattr(layer, name, kind.get(value) if kind else value)


def to_config(layer: keras.Layer, names: Sequence[str]) -> Config:
    """Returns the arguments of these names as a configuration, from a layer's attributes."""
    values = {name: getattr(layer, name) for name in names}
    return {n: _kind(n).serialize(value) if _kind(n) else value for n, value in values.items()}


def _kind(name):
    return _KINDS.get(name.rpartition("_")[-1])

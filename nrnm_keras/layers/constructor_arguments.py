"""The arguments of a constructor as attributes and as a config.

Each argument is written in the signature and in the docstring. Its attribute and its entry in the
config, which Keras's own layers write out too, are made here from the name.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import activations, constraints, initializers, regularizers

from nrnm_keras.typing import Config

# Modules that deserialize and serialize an argument, by the last word of its name. All other
# arguments are kept as they are.
_KINDS = {
    "activation": activations,
    "constraint": constraints,
    "initializer": initializers,
    "regularizer": regularizers,
}


def argument_names(cls: type) -> tuple[str, ...]:
    """Returns the names of the constructor arguments of a class, without `**kwargs`."""
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
    """Returns the config of the arguments with these names, from the attributes of a layer."""
    values = {name: getattr(layer, name) for name in names}
    return {n: _kind(n).serialize(value) if _kind(n) else value for n, value in values.items()}


def _kind(name):
    return _KINDS.get(name.rpartition("_")[-1])

"""Types in the signatures of the library that are not classes."""

import os
from collections.abc import Callable
from typing import Any, BinaryIO, TypeAlias

from numpy.typing import ArrayLike

__all__ = [
    "ArrayLike",
    "Axes",
    "Config",
    "Figure",
    "File",
    "Identifier",
    "Shape",
    "StepState",
    "Tensor",
]

# A tensor of the backend in use, a symbolic one, or what Keras makes one of: arrays, numbers.
Tensor: TypeAlias = Any
# Integers, as Keras gives shapes to `build`; None for a size that is not known.
Shape: TypeAlias = tuple[Any, ...]
# What `get_config` returns.
Config: TypeAlias = dict[str, Any]
# Tensors by name, which a model keeps between the steps of a stream.
StepState: TypeAlias = dict[str, Tensor]
# What Keras's `activations.get`, `initializers.get` and the like take.
Identifier: TypeAlias = str | Callable[..., Any] | dict[str, Any] | None
# Where a plot goes.
File: TypeAlias = str | os.PathLike[str] | BinaryIO
# `matplotlib.figure.Figure` and `matplotlib.axes.Axes`: the library is optional.
Figure: TypeAlias = Any
Axes: TypeAlias = Any

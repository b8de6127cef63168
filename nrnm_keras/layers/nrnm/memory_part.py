"""MemoryPart: base class of the parts of the memory of an `NRNMCell`."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Identifier


class MemoryPart(layers.Layer):
    """A layer whose weights use the initializers, regularizers and constraints of `NRNMCell`.

    Args:
        units: Positive integer, the size H of a slot of the memory.
        use_bias: Boolean, whether the layer has biases.
        weight_options: Dictionary of the initializers, regularizers and constraints of `NRNMCell`,
            by the names of its arguments.
    """

    def __init__(
        self, units: int, use_bias: bool, weight_options: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.weight_options = weight_options

    def add_kernel(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Identifier = None,
        kind: str = "kernel",
    ) -> keras.Variable:
        """Creates a kernel with the options of a `kind`; rank 3 means one for each head."""
        options = self.weight_options
        initializer = initializer or options[f"{kind}_initializer"]
        if hasattr(initializer, "clone"):
            # An initializer returns the same values every time for the same shape.
            initializer = initializer.clone()
        if len(shape) == 3:
            initializer = _as_matrix(initializer, self.units)
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=options[f"{kind}_regularizer"],
            constraint=options[f"{kind}_constraint"],
        )

    def add_bias(
        self, name: str, shape: tuple[int, ...], initializer: Identifier = None
    ) -> keras.Variable | None:
        """Creates a bias, or returns None if the layer has none."""
        if not self.use_bias:
            return None
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or self.weight_options["bias_initializer"],
            regularizer=self.weight_options["bias_regularizer"],
            constraint=self.weight_options["bias_constraint"],
        )


def _as_matrix(initializer, units):
    """Initializes the kernels of all heads as one square matrix, which has the right fans."""

    def initialize(shape, dtype=None):
        return ops.reshape(initializer((units, units), dtype=dtype), shape)

    return initialize

"""MemoryPart: a part of an `NRNMCell` with weights as the cell's arguments want them."""

from keras import layers, ops


class MemoryPart(layers.Layer):
    """A layer whose weights begin, and are kept, as the arguments of `NRNMCell` say.

    Args:
        units: Positive integer, the size H of a slot of the memory.
        use_bias: Boolean, whether there are biases.
        weight_options: Dict of the initializers, regularizers and constraints of `NRNMCell`,
            under the names of its arguments.
    """

    def __init__(self, units, use_bias, weight_options, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.weight_options = weight_options

    def add_kernel(self, name, shape, initializer=None, kind="kernel"):
        """Creates a kernel with the options of a `kind`; as one of rank 3, those of all heads."""
        options = self.weight_options
        initializer = initializer or options[f"{kind}_initializer"]
        if hasattr(initializer, "clone"):
            # An initializer gives the same values again for the same shape.
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

    def add_bias(self, name, shape, initializer=None):
        """Creates a bias, or returns None where there are none."""
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
    """Initializes the kernels of all heads as one square matrix, whose fans are the right ones."""

    def initialize(shape, dtype=None):
        return ops.reshape(initializer((units, units), dtype=dtype), shape)

    return initialize

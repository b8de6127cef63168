"""The non-local memory: how it is read at every step and written after every window."""

import math

from keras import layers, ops

from nrnm_keras.layers.loop_kernel import loop_kernel, multiply

_EPSILON = 1e-5


class NonLocalMemory(layers.Layer):
    """The memory of an `NRNMCell`: its weights, and the equations that read and write it.

    The memory M has `slots = block_size // stride` rows of `units`; as a state it is flattened
    to `(batch, slots * units)`. There is no `call`: `NRNMCell` uses the methods for one step,
    `NRNM` for all steps of a window, or of the sequence, at once. Where a shape says `...`, any
    leading axes will do.

    Args:
        units: Positive integer, the size H of a slot.
        block_size: Positive integer, the number k of inputs that a write takes in.
        stride: Positive integer s; every s-th hidden state of the block takes part.
        num_heads: Positive integer, the number of attention heads.
        interaction: `"self_attention"`, or `"linear"`: one linear map of the block in its place.
        use_bias: Boolean, whether the gates and the fully connected layer have biases.
        unit_forget_bias: Boolean, whether the forget gate's bias starts at 1.
        weight_options: Dict of the initializers, regularizers and constraints of `NRNMCell`,
            under the names of its arguments.

    Reference: Fu et al., ICCV 2019, Eqs. 1 to 5 and 7, Fig. 3.
    """

    def __init__(
        self,
        units,
        block_size,
        stride,
        num_heads,
        interaction,
        use_bias,
        unit_forget_bias,
        weight_options,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.block_size = block_size
        self.slots = block_size // stride
        self.num_heads = num_heads
        heads = num_heads if interaction == "self_attention" else 0
        self.attention_shape = (heads, self.slots, self.slots + block_size)
        self.interaction = interaction
        self.use_bias = use_bias
        self.unit_forget_bias = unit_forget_bias
        self.weight_options = weight_options

    def build(self, input_shape):
        """Creates the weights for inputs of shape `(batch, features)`."""
        features, units, slots = input_shape[-1], self.units, self.slots
        size = slots * units
        self.input_kernel = self._kernel("input_kernel", (features, units))
        self.read_gate_kernel = self._kernel("read_gate_kernel", (features, size))
        self.read_gate_recurrent_kernel = self._kernel(
            "read_gate_recurrent_kernel", (size, size), kind="recurrent"
        )
        self.read_gate_bias = self._bias(
            "read_gate_bias", (size,), self.weight_options["read_bias_initializer"]
        )
        self.read_kernel = self._kernel(
            "read_kernel", (size, units), self.weight_options["read_initializer"]
        )
        if self.interaction == "self_attention":
            head_size = units // self.num_heads
            self.query_kernel = self._kernel("query_kernel", (units, units))
            self.key_kernel = self._kernel("key_kernel", (self.num_heads, head_size, units))
            self.value_kernel = self._kernel("value_kernel", (self.num_heads, units, head_size))
        else:
            self.linear_kernel = self._kernel(
                "linear_kernel", ((slots + self.block_size) * units, size)
            )
        self.dense_kernel = self._kernel("dense_kernel", (units, units))
        self.dense_bias = self._bias("dense_bias", (units,))
        self.attention_scale, self.attention_offset = self._norm("attention", units)
        self.dense_scale, self.dense_offset = self._norm("dense", units)
        self.write_gate_kernel = self._kernel(
            "write_gate_kernel", (self.block_size * units, 2 * units)
        )
        self.write_gate_recurrent_kernel = self._kernel(
            "write_gate_recurrent_kernel", (units, 2 * units), kind="recurrent"
        )
        self.write_gate_bias = self._bias(
            "write_gate_bias", (2 * units,), self._write_gate_bias_initializer
        )

    def embed(self, inputs):
        """Embeds inputs `(..., features)` as information units e_t, `(..., units)`."""
        return ops.matmul(inputs, self.input_kernel)

    def read_gate_inputs(self, inputs):
        """What inputs `(..., features)` contribute to the read gates, `(..., slots * units)`."""
        return project(inputs, self.read_gate_kernel, self.read_gate_bias)

    def loop_kernels(self):
        """The kernels by which a loop over `read` and `write` multiplies, made ready for it."""
        return {name: loop_kernel(kernel) for name, kernel in self._kernels().items()}

    def read(self, gate_inputs, memory, kernels=None):
        """Reads the memory `(batch, slots * units)` through its gates (Eqs. 5 and 7).

        `gate_inputs` has shape `(..., batch, slots * units)`: any number of steps at once;
        `kernels` are `loop_kernels()`, if there are any. Returns what enters the recurrence,
        `(..., batch, units)`.
        """
        kernels = kernels or self._kernels()
        from_memory = multiply(memory, kernels["read_gate_recurrent_kernel"])
        gates = ops.sigmoid(gate_inputs + from_memory)
        return multiply(gates * memory, kernels["read_kernel"])

    def write_gate_inputs(self, blocks):
        """What blocks of embedded inputs `(..., block_size * units)` contribute to the gates."""
        return project(blocks, self.write_gate_kernel, self.write_gate_bias)

    def write(self, memory, hidden, embedded, gate_inputs, kernels=None):
        """Writes a block to the memory (Eqs. 1 to 4, Fig. 3).

        Args:
            memory: The memory so far, `(batch, slots * units)`.
            hidden: The block's hidden states, `(batch, slots, units)`.
            embedded: Its embedded inputs, `(batch, block_size, units)`.
            gate_inputs: `write_gate_inputs()` of its inputs, `(batch, 2 * units)`.
            kernels: `loop_kernels()`, if there are any.

        Returns:
            The new memory, `(batch, slots * units)`, and the attention weights,
            `(batch, num_heads, slots, slots + block_size)`; with no heads if there are none.
        """
        kernels = kernels or self._kernels()
        block = ops.concatenate([hidden, embedded], axis=1)
        interact = self._attend if self.interaction == "self_attention" else self._map_linearly
        interaction, weights = interact(hidden, block, kernels)
        skip = self._normalize(hidden + interaction, self.attention_scale, self.attention_offset)
        dense = multiply(skip, kernels["dense_kernel"])
        dense = ops.relu(dense if self.dense_bias is None else dense + self.dense_bias)
        candidate = self._normalize(skip + dense, self.dense_scale, self.dense_offset)

        memory = ops.reshape(memory, (-1, self.slots, self.units))
        gates = ops.sigmoid(
            ops.expand_dims(gate_inputs, 1)
            + multiply(ops.tanh(memory), kernels["write_gate_recurrent_kernel"])
        )
        input_gate, forget_gate = ops.split(gates, 2, axis=-1)
        memory = input_gate * ops.tanh(candidate) + forget_gate * memory
        return ops.reshape(memory, (-1, self.slots * self.units)), weights

    def _attend(self, hidden, block, kernels):
        """Multi-head attention from the hidden states to all units of the block (Eq. 2).

        There are fewer queries than units. So the keys' kernel is applied to the queries, not to
        the units, and the values' kernel to what was attended: the numbers are the same, and the
        cost does not grow with the number of inputs.
        """
        heads, slots, units = self.num_heads, self.slots, self.units
        queries = multiply(hidden, kernels["query_kernel"]) / math.sqrt(units // heads)
        queries = ops.split(ops.reshape(queries, (-1, units)), heads, axis=-1)
        queries = ops.stack(_products(queries, _by_head(self.key_kernel)), axis=1)
        queries = ops.reshape(queries, (-1, slots * heads, units))
        weights = ops.softmax(ops.einsum("bqu,bku->bqk", queries, block))
        attended = ops.reshape(ops.matmul(weights, block), (-1, heads, units))
        attended = _products(ops.unstack(attended, axis=1), _by_head(self.value_kernel))
        attended = ops.concatenate(attended, axis=-1)
        weights = ops.reshape(weights, (-1, slots, heads, slots + self.block_size))
        return ops.reshape(attended, (-1, slots, units)), ops.transpose(weights, (0, 2, 1, 3))

    def _map_linearly(self, hidden, block, _):
        """One linear map of the whole block, the "w/o self-attention" variant."""
        block = ops.reshape(block, (-1, (self.slots + self.block_size) * self.units))
        mapped = ops.reshape(ops.matmul(block, self.linear_kernel), (-1, self.slots, self.units))
        return mapped, ops.zeros((ops.shape(hidden)[0], *self.attention_shape), hidden.dtype)

    def _kernels(self):
        names = ["read_gate_recurrent_kernel", "read_kernel", "dense_kernel"]
        names.append("write_gate_recurrent_kernel")
        if self.interaction == "self_attention":
            names.append("query_kernel")
        return {name: getattr(self, name) for name in names}

    def _normalize(self, x, scale, offset):
        return ops.layer_normalization(x, scale, offset, axis=-1, epsilon=_EPSILON)

    def _kernel(self, name, shape, initializer=None, kind="kernel"):
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

    def _bias(self, name, shape, initializer=None):
        if not self.use_bias:
            return None
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or self.weight_options["bias_initializer"],
            regularizer=self.weight_options["bias_regularizer"],
            constraint=self.weight_options["bias_constraint"],
        )

    def _norm(self, name, units):
        scale = self.add_weight(name=f"{name}_scale", shape=(units,), initializer="ones")
        offset = self.add_weight(name=f"{name}_offset", shape=(units,), initializer="zeros")
        return scale, offset

    def _write_gate_bias_initializer(self, shape, dtype=None):
        """The input gate's bias, then the forget gate's."""
        biases = self.weight_options["bias_initializer"](shape, dtype=dtype)
        if not self.unit_forget_bias:
            return biases
        ones = ops.ones((self.units,), dtype=dtype)
        return ops.concatenate([biases[: self.units], ones], axis=0)


def _as_matrix(initializer, units):
    """Initializes the kernels of all heads as one square matrix, whose fans are the right ones."""

    def initialize(shape, dtype=None):
        return ops.reshape(initializer((units, units), dtype=dtype), shape)

    return initialize


def project(inputs, kernel, bias=None):
    """Multiplies `(..., features)` by a kernel and adds a bias, if there is one.

    As matrices, because TensorFlow then adds the bias within the matmul.
    """
    projected = ops.matmul(ops.reshape(inputs, (-1, inputs.shape[-1])), kernel)
    if bias is not None:
        projected = projected + bias
    return ops.reshape(projected, (*ops.shape(inputs)[:-1], kernel.shape[-1]))


def _by_head(kernel):
    """The kernels of the heads, one by one: slices of a variable have a slower gradient."""
    return ops.unstack(ops.convert_to_tensor(kernel))


def _products(xs, kernels):
    return [ops.matmul(x, kernel) for x, kernel in zip(xs, kernels, strict=True)]

"""The non-local memory: how it is read at every step and written after every window."""

import math
from typing import Any

from keras import ops, tree

from nrnm_keras.layers.nrnm.loop_kernel import loop_kernel, multiply
from nrnm_keras.layers.nrnm.memory_part import MemoryPart, project
from nrnm_keras.layers.nrnm.memory_read import AttentionRead, GatedRead
from nrnm_keras.layers.precision import layer_normalization, matmul
from nrnm_keras.typing import Config, Shape, Tensor


class NonLocalMemory(MemoryPart):
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
        read: `"gate"` or `"attention"`, see `GatedRead` and `AttentionRead`.
        forget_bias: Float, where the forget gate's bias starts; None: as all others.
        use_bias: Boolean, whether the gates and the fully connected layer have biases.
        weight_options: Dict of the initializers, regularizers and constraints of `NRNMCell`,
            under the names of its arguments.

    Reference: Fu et al., ICCV 2019, Eqs. 1 to 5 and 7, Fig. 3.
    """

    def __init__(
        self,
        units: int,
        block_size: int,
        stride: int,
        num_heads: int,
        interaction: str,
        read: str,
        forget_bias: float | None,
        use_bias: bool,
        weight_options: Config,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, use_bias, weight_options, **kwargs)
        self.block_size = block_size
        self.slots = block_size // stride
        self.num_heads = num_heads
        heads = num_heads if interaction == "self_attention" else 0
        self.attention_shape = (heads, self.slots, self.slots + block_size)
        self.interaction = interaction
        self.forget_bias = forget_bias
        options = {
            "units": units,
            "use_bias": use_bias,
            "weight_options": weight_options,
            "dtype": self.dtype_policy,
            "name": "reader",
        }
        if read == "attention":
            self.reader = AttentionRead(self.slots, num_heads, **options)
        else:
            self.reader = GatedRead(self.slots, **options)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        features, units, slots = input_shape[-1], self.units, self.slots
        size = slots * units
        self.input_kernel = self.add_kernel("input_kernel", (features, units))
        self.reader.build(input_shape)
        if self.interaction == "self_attention":
            head_size = units // self.num_heads
            self.query_kernel = self.add_kernel("query_kernel", (units, units))
            self.key_kernel = self.add_kernel("key_kernel", (self.num_heads, head_size, units))
            self.value_kernel = self.add_kernel("value_kernel", (self.num_heads, units, head_size))
        else:
            self.linear_kernel = self.add_kernel(
                "linear_kernel", ((slots + self.block_size) * units, size)
            )
        self.dense_kernel = self.add_kernel("dense_kernel", (units, units))
        self.dense_bias = self.add_bias("dense_bias", (units,))
        self.attention_scale, self.attention_offset = self._norm("attention", units)
        self.dense_scale, self.dense_offset = self._norm("dense", units)
        self.write_gate_kernel = self.add_kernel(
            "write_gate_kernel", (self.block_size * units, 2 * units)
        )
        self.write_gate_recurrent_kernel = self.add_kernel(
            "write_gate_recurrent_kernel", (units, 2 * units), kind="recurrent"
        )
        self.write_gate_bias = self.add_bias(
            "write_gate_bias", (2 * units,), self._write_gate_bias_initializer
        )

    def embed(self, inputs: Tensor) -> Tensor:
        """Embeds inputs `(..., features)` as information units e_t, `(..., units)`."""
        return matmul(inputs, self.input_kernel)

    def read_inputs(self, inputs: Tensor) -> Tensor:
        """What inputs `(..., features)` contribute to what they read, `(..., size)`."""
        return self.reader.project_inputs(inputs)

    def loop_kernels(self) -> dict[str, Tensor]:
        """The kernels by which a loop over `read` and `write` multiplies, made ready for it."""
        kernels = {**self.reader.kernels(), **self._write_kernels()}
        return tree.map_structure(loop_kernel, kernels)

    def read(
        self, read_inputs: Tensor, memory: Tensor, kernels: dict[str, Tensor] | None = None
    ) -> Tensor:
        """Reads the memory `(batch, slots * units)` (Eqs. 5 and 7).

        `read_inputs` has shape `(..., batch, size)`: any number of steps at once; `kernels` are
        `loop_kernels()`, if there are any. Returns what enters the recurrence,
        `(..., batch, units)`.
        """
        return self.reader.read(read_inputs, memory, kernels or self.reader.kernels())

    def gates(
        self, read_inputs: Tensor, memory: Tensor, write_gate_inputs: Tensor
    ) -> tuple[Tensor, ...]:
        """The gates of a step: read, input and forget gate (Eqs. 7 and 4).

        Args:
            read_inputs: `read_inputs()` of the step, `(batch, size)`.
            memory: The memory before it, `(batch, slots * units)`.
            write_gate_inputs: `write_gate_inputs()` of its block, `(batch, 2 * units)`.
        """
        read_gate = self.reader.gates(read_inputs, memory, self.reader.kernels())
        slots = ops.reshape(memory, (-1, self.slots, self.units))
        return read_gate, *self._write_gates(slots, write_gate_inputs, self._write_kernels())

    def write_gate_inputs(self, blocks: Tensor) -> Tensor:
        """What blocks of embedded inputs `(..., block_size * units)` contribute to the gates."""
        return project(blocks, self.write_gate_kernel, self.write_gate_bias)

    def write(
        self,
        memory: Tensor,
        hidden: Tensor,
        embedded: Tensor,
        gate_inputs: Tensor,
        kernels: dict[str, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
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
        kernels = kernels or self._write_kernels()
        block = ops.concatenate([hidden, embedded], axis=1)
        interact = self._attend if self.interaction == "self_attention" else self._map_linearly
        interaction, weights = interact(hidden, block, kernels)
        skip = layer_normalization(
            hidden + interaction, self.attention_scale, self.attention_offset
        )
        dense = multiply(skip, kernels["dense_kernel"])
        dense = ops.relu(dense if self.dense_bias is None else dense + self.dense_bias)
        candidate = layer_normalization(skip + dense, self.dense_scale, self.dense_offset)

        memory = ops.reshape(memory, (-1, self.slots, self.units))
        input_gate, forget_gate = self._write_gates(memory, gate_inputs, kernels)
        memory = input_gate * ops.tanh(candidate) + forget_gate * memory
        return ops.reshape(memory, (-1, self.slots * self.units)), weights

    def _write_gates(self, slots, gate_inputs, kernels):
        """Input and forget gate of each slot, `(batch, slots, units)` (Eq. 4)."""
        from_memory = multiply(ops.tanh(slots), kernels["write_gate_recurrent_kernel"])
        gates = ops.sigmoid(ops.expand_dims(gate_inputs, 1) + from_memory)
        return ops.split(gates, 2, axis=-1)

    def _attend(self, hidden, block, kernels):
        """Multi-head attention from the hidden states to all units of the block (Eq. 2).

        There are fewer queries than units. So the keys' kernel is applied to the queries, not to
        the units, and the values' kernel to what was attended: the numbers are the same, and the
        cost does not grow with the number of inputs.
        """
        heads, slots, units = self.num_heads, self.slots, self.units
        queries = multiply(hidden, kernels["query_kernel"]) / math.sqrt(units // heads)
        queries = ops.split(ops.reshape(queries, (-1, units)), heads, axis=-1)
        queries = ops.stack(list(map(multiply, queries, kernels["key_kernels"])), axis=1)
        queries = ops.reshape(queries, (-1, slots * heads, units))
        weights = ops.softmax(ops.einsum("bqu,bku->bqk", queries, block))
        attended = ops.reshape(matmul(weights, block), (-1, heads, units))
        attended = map(multiply, ops.unstack(attended, axis=1), kernels["value_kernels"])
        attended = ops.concatenate(list(attended), axis=-1)
        weights = ops.reshape(weights, (-1, slots, heads, slots + self.block_size))
        return ops.reshape(attended, (-1, slots, units)), ops.transpose(weights, (0, 2, 1, 3))

    def _map_linearly(self, hidden, block, _):
        """One linear map of the whole block, the "w/o self-attention" variant."""
        block = ops.reshape(block, (-1, (self.slots + self.block_size) * self.units))
        mapped = ops.reshape(matmul(block, self.linear_kernel), (-1, self.slots, self.units))
        return mapped, ops.zeros((ops.shape(hidden)[0], *self.attention_shape), hidden.dtype)

    def _write_kernels(self):
        kernels = {
            "dense_kernel": self.dense_kernel,
            "write_gate_recurrent_kernel": self.write_gate_recurrent_kernel,
        }
        if self.interaction == "self_attention":
            kernels["query_kernel"] = self.query_kernel
            kernels["key_kernels"] = _by_head(self.key_kernel)
            kernels["value_kernels"] = _by_head(self.value_kernel)
        return kernels

    def _norm(self, name, units):
        scale = self.add_weight(name=f"{name}_scale", shape=(units,), initializer="ones")
        offset = self.add_weight(name=f"{name}_offset", shape=(units,), initializer="zeros")
        return scale, offset

    def _write_gate_bias_initializer(self, shape, dtype=None):
        """The input gate's bias, then the forget gate's."""
        biases = self.weight_options["bias_initializer"](shape, dtype=dtype)
        if self.forget_bias is None:
            return biases
        forget = ops.full((self.units,), self.forget_bias, dtype=dtype)
        return ops.concatenate([biases[: self.units], forget], axis=0)


def _by_head(kernel):
    """The kernels of the heads, one by one: slices of a variable have a slower gradient."""
    return ops.unstack(ops.convert_to_tensor(kernel))

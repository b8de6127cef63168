"""The non-local memory: how it is read at every step and written after every window."""

from typing import Any

from keras import ops, tree

from nrnm_keras.layers.nrnm.loop_kernel import compute, loop_weight, multiply
from nrnm_keras.layers.nrnm.memory_part import MemoryPart
from nrnm_keras.layers.nrnm.memory_read import AttentionRead, GatedRead
from nrnm_keras.layers.nrnm.memory_write import MemoryWrite, write_gates
from nrnm_keras.typing import Config, Shape, Tensor


class NonLocalMemory(MemoryPart):
    """The memory of an `NRNMCell`: its weights, and the equations that read and write it.

    The memory M has `slots = block_size // stride` rows of `units`; as a state it is flattened
    to `(batch, slots * units)`. There is no `call`: `NRNMCell` uses the methods for one step,
    `NRNM` for all steps of a window, or of the sequence, at once. Where a shape says `...`, any
    leading axes will do.

    Args:
        units: Positive integer, the size H of a slot.
        hidden_units: Positive integer, the size of the hidden states.
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
        hidden_units: int,
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
        self.hidden_units = hidden_units
        self.block_size = block_size
        self.slots = block_size // stride
        self.num_heads = num_heads
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
            self.reader = AttentionRead(self.slots, hidden_units, num_heads, **options)
        else:
            self.reader = GatedRead(self.slots, hidden_units, **options)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        features, units, slots = input_shape[-1], self.units, self.slots
        size = slots * units
        self.input_kernel = self.add_kernel("input_kernel", (features, units))
        self.hidden_kernel = None
        if self.hidden_units != units:
            self.hidden_kernel = self.add_kernel("hidden_kernel", (self.hidden_units, units))
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
        return multiply(inputs, self.input_kernel)

    def weights_by_name(self) -> dict[str, Tensor]:
        """The weights that `read` and `write` take, by name: two dicts."""
        return {"read": self.reader.weights_by_name(), "write": self._write_weights()}

    def loop_weights(self) -> dict[str, Any]:
        """`weights_by_name()`, made ready for a loop over `read` and `write`."""
        return tree.map_structure(loop_weight, self.weights_by_name())

    def read_inputs(self, inputs: Tensor) -> Tensor:
        """What inputs `(..., features)` contribute to the gates by which they read."""
        return self.reader.project_inputs(inputs, self.reader.weights_by_name())

    def read(self, inputs: Tensor, memory: Tensor, weights: Any = None) -> Tensor:
        """Reads the memory `(batch, slots * units)` (Eqs. 5 and 7).

        `inputs` have shape `(..., batch, features)`: any number of steps at once; `weights` are
        `loop_weights()`, if there are any. Returns what enters the recurrence,
        `(..., batch, hidden_units)`.
        """
        return self.reader.read(inputs, memory, (weights or self.weights_by_name())["read"])

    def gates(
        self, read_inputs: Tensor, memory: Tensor, write_gate_inputs: Tensor
    ) -> tuple[Tensor, ...]:
        """The gates of a step: read, input and forget gate (Eqs. 7 and 4).

        Args:
            read_inputs: `read_inputs()` of the step, `(batch, size)`.
            memory: The memory before it, `(batch, slots * units)`.
            write_gate_inputs: `write_gate_inputs()` of its block, `(batch, 2 * units)`.
        """
        weights = self.weights_by_name()
        read_gate = self.reader.gates(read_inputs, memory, weights["read"])
        squashed = ops.tanh(ops.reshape(memory, (-1, self.units)))
        gates = write_gates(self.slots, squashed, write_gate_inputs, weights["write"])
        return read_gate, *ops.split(gates, 2, axis=-1)

    def write_gate_inputs(self, blocks: Tensor) -> Tensor:
        """What blocks of embedded inputs `(..., block_size * units)` contribute to the gates."""
        return multiply(blocks, self.write_gate_kernel, self.write_gate_bias)

    def write(
        self,
        memory: Tensor,
        hidden: Tensor,
        embedded: Tensor,
        gate_inputs: Tensor,
        weights: Any = None,
    ) -> MemoryWrite:
        """Writes a block to the memory (Eqs. 1 to 4, Fig. 3).

        Args:
            memory: The memory so far, `(batch, slots * units)`.
            hidden: The block's hidden states, `(batch, slots, hidden_units)`.
            embedded: Its embedded inputs, `(batch, block_size, units)`.
            gate_inputs: `write_gate_inputs()` of its inputs, `(batch, 2 * units)`.
            weights: `loop_weights()`, if there are any.

        Returns:
            The `MemoryWrite`, whose `value` is the new memory.
        """
        weights = (weights or self.weights_by_name())["write"]
        return compute(MemoryWrite, [memory, hidden, embedded, gate_inputs], weights)

    def _write_weights(self):
        weights = {
            "hidden_kernel": self.hidden_kernel,
            "dense_kernel": self.dense_kernel,
            "dense_bias": self.dense_bias,
            "attention_scale": self.attention_scale,
            "attention_offset": self.attention_offset,
            "dense_scale": self.dense_scale,
            "dense_offset": self.dense_offset,
            "write_gate_recurrent_kernel": self.write_gate_recurrent_kernel,
        }
        if self.interaction == "self_attention":
            weights["query_kernel"] = self.query_kernel
            weights["key_kernel"] = self.key_kernel
            weights["value_kernel"] = self.value_kernel
        else:
            weights["linear_kernel"] = self.linear_kernel
        return {name: weight for name, weight in weights.items() if weight is not None}

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

"""One write to the memory, with its gradient."""

from typing import Any

from keras import ops

from nrnm_keras.layers.layer_normalization import LayerNormalization
from nrnm_keras.layers.nrnm.activation_gradients import sigmoid_gradient, tanh_gradient
from nrnm_keras.layers.nrnm.block_interaction import Attention, LinearMap
from nrnm_keras.layers.nrnm.loop_kernel import kernel_gradient
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Tensor


class MemoryWrite:
    """Writes a block to the memory (Eqs. 1 to 4, Fig. 3); a computation for `loop_kernel.compute`.

    Args:
        memory: The memory so far, `(batch, slots * units)`.
        hidden: The block's hidden states, `(batch, slots, hidden_units)`.
        embedded: Its embedded inputs, `(batch, block_size, units)`.
        gate_inputs: What its inputs contribute to the gates, `(batch, 2 * units)`.
        weights: The dict `NonLocalMemory.weights_by_name()["write"]`.

    Attributes:
        value: The new memory, `(batch, slots * units)`.
        interaction: The `Attention` or `LinearMap` of the block.
    """

    def __init__(
        self, memory: Tensor, hidden: Tensor, embedded: Tensor, gate_inputs: Tensor, weights: Any
    ) -> None:
        slots, units = hidden.shape[1], embedded.shape[-1]
        self._by_slot, self._flat, self._rows = (-1, slots, units), (-1, slots * units), (-1, units)
        self._hidden_shape = -1, *hidden.shape[1:]
        self._hidden = hidden = ops.reshape(hidden, (-1, hidden.shape[-1]))
        if "hidden_kernel" in weights:
            hidden = matmul(hidden, weights["hidden_kernel"])
        block = ops.concatenate([ops.reshape(hidden, self._by_slot), embedded], axis=1)
        interaction = Attention if "query_kernel" in weights else LinearMap
        self.interaction = interaction(slots, hidden, block, weights)
        skip = LayerNormalization(
            hidden + self.interaction.value, weights["attention_scale"], weights["attention_offset"]
        )
        dense = matmul(skip.value, weights["dense_kernel"])
        dense = ops.relu(dense + weights["dense_bias"] if "dense_bias" in weights else dense)
        candidate = LayerNormalization(
            skip.value + dense, weights["dense_scale"], weights["dense_offset"]
        )
        self._skip, self._dense, self._candidate = skip, dense, candidate
        self._new = ops.tanh(ops.reshape(candidate.value, self._by_slot))

        self._memory = memory
        self._squashed = ops.tanh(ops.reshape(memory, self._rows))
        self._gates = write_gates(slots, self._squashed, gate_inputs, weights)
        input_gate, forget_gate = ops.split(self._gates, 2, axis=-1)
        self.value = ops.reshape(
            input_gate * self._new + forget_gate * ops.reshape(memory, self._by_slot), self._flat
        )

    def gradient(self, upstream: Tensor, transposed: dict[str, Tensor]) -> Any:
        """The gradients of memory, hidden states, embedded inputs and gate inputs, and weights."""
        slots = self._by_slot[1]
        upstream = ops.reshape(upstream, self._by_slot)
        memory = ops.reshape(self._memory, self._by_slot)
        input_gate, forget_gate = ops.split(self._gates, 2, axis=-1)
        d_gates = ops.concatenate([upstream * self._new, upstream * memory], axis=-1)
        d_gates = sigmoid_gradient(self._gates, d_gates)
        d_gate_rows = ops.reshape(d_gates, (-1, d_gates.shape[-1]))
        d_squashed = matmul(d_gate_rows, transposed["write_gate_recurrent_kernel"])
        d_memory = tanh_gradient(self._squashed, d_squashed)
        d_memory = d_memory + ops.reshape(upstream * forget_gate, self._rows)

        d_new = tanh_gradient(self._new, upstream * input_gate)
        d_candidate, *d_dense_norm = self._candidate.gradient(ops.reshape(d_new, self._rows))
        d_dense = d_candidate * ops.sign(self._dense)
        d_skip = d_candidate + matmul(d_dense, transposed["dense_kernel"])
        d_hidden, *d_skip_norm = self._skip.gradient(d_skip)
        (d_queries, d_block), d_weights = self.interaction.gradient(d_hidden, transposed)
        d_hidden = d_hidden + d_queries + ops.reshape(d_block[:, :slots], self._rows)
        if "hidden_kernel" in transposed:
            d_weights["hidden_kernel"] = kernel_gradient(self._hidden, d_hidden)
            d_hidden = matmul(d_hidden, transposed["hidden_kernel"])
        return [
            ops.reshape(d_memory, self._flat),
            ops.reshape(d_hidden, self._hidden_shape),
            d_block[:, slots:],
            ops.sum(d_gates, axis=1),
        ], {
            **d_weights,
            **dict(zip(("attention_scale", "attention_offset"), d_skip_norm, strict=True)),
            **dict(zip(("dense_scale", "dense_offset"), d_dense_norm, strict=True)),
            "dense_kernel": kernel_gradient(self._skip.compute_again(), d_dense),
            "dense_bias": ops.sum(d_dense, axis=0),
            "write_gate_recurrent_kernel": kernel_gradient(self._squashed, d_gate_rows),
        }


def write_gates(slots: Tensor, squashed: Tensor, gate_inputs: Tensor, weights: Any) -> Tensor:
    """Input and forget gate of each slot, side by side, `(batch, slots, 2 * units)` (Eq. 4).

    `squashed` is tanh of the memory, `(batch * slots, units)`.
    """
    from_memory = matmul(squashed, weights["write_gate_recurrent_kernel"])
    from_memory = ops.reshape(from_memory, (-1, slots, from_memory.shape[-1]))
    return ops.sigmoid(ops.expand_dims(gate_inputs, 1) + from_memory)

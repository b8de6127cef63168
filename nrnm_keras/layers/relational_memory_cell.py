"""RelationalMemoryCell: one step of the relational memory core."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.layers.constructor_arguments import argument_names, set_attributes, to_config
from nrnm_keras.layers.layer_normalization import LayerNormalization
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Config, Identifier, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class RelationalMemoryCell(layers.Layer):
    """A memory of slots that attend to each other and to the input at every step (RMC).

    Each slot is an LSTM cell whose candidate comes from multi-head attention: with M the slots'
    cell states and x the embedded input,

        M~ = softmax((M W_q)([M; x] W_k)^T / sqrt(head size)) [M; x] W_v
        Y = LayerNorm(M + M~),  G = LayerNorm(Y + MLP(Y))
        m_i = sigmoid(f_i + 1) m_i + sigmoid(i_i) tanh(g_i),  h_i = sigmoid(o_i) tanh(m_i)

    for every slot i, with gates f_i, i_i, o_i = W x_t + U h_i + b that share their weights.

    Args:
        units: Positive integer, the size of the output: all slots side by side.
        kernel_initializer: Initializer of all kernels except U.
        recurrent_initializer: Initializer of U.
        bias_initializer: Initializer of the biases.
        slots: Positive integer, the number of slots; must divide `units`.
        num_heads: Positive integer, the number of attention heads; must divide the size of a slot.

    Call arguments:
        inputs: `(batch, features)`.
        states: The outputs of the slots, and their cell states minus the rows of an identity
            matrix, so that slots differ from the start; each `(batch, units)`, initially zero.

    Returns:
        The new outputs `(batch, units)`, and the list of the new states.

    Raises:
        ValueError: if an argument is out of its range.

    Reference: Santoro et al., Relational recurrent neural networks, NeurIPS 2018, Eqs. 1 to 7.

    Example:

    >>> layer = keras.layers.RNN(RelationalMemoryCell(32, slots=4, num_heads=2))
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 32])
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        slots: int = 4,
        num_heads: int = 4,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        super().__init__(**kwargs)
        set_attributes(self, arguments, _ARGUMENTS)
        if units < 1 or slots < 1 or num_heads < 1 or units % (slots * num_heads):
            raise ValueError(
                "Argument `units` must be a multiple of slots * num_heads. "
                f"Received: units={units!r}, slots={slots!r}, num_heads={num_heads!r}"
            )
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        size = self.units // self.slots
        self.input_kernel = self._kernel("input_kernel", (input_shape[-1], size))
        self.input_bias = self._bias("input_bias", size)
        self.query_kernel = self._kernel("query_kernel", (size, size))
        self.key_kernel = self._kernel("key_kernel", (size, size))
        self.value_kernel = self._kernel("value_kernel", (size, size))
        self.attention_scale, self.attention_offset = self._norm("attention", size)
        self.hidden_kernel = self._kernel("hidden_kernel", (size, size))
        self.hidden_bias = self._bias("hidden_bias", size)
        self.dense_kernel = self._kernel("dense_kernel", (size, size))
        self.dense_bias = self._bias("dense_bias", size)
        self.dense_scale, self.dense_offset = self._norm("dense", size)
        self.gate_kernel = self._kernel("gate_kernel", (input_shape[-1], 3 * size))
        self.gate_recurrent_kernel = self._kernel(
            "gate_recurrent_kernel", (size, 3 * size), self.recurrent_initializer
        )
        self.gate_bias = self._bias("gate_bias", 3 * size)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Returns the states before the first step: zeros."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def call(self, inputs: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Computes one step (Eqs. 1 to 7)."""
        outputs, change = map(self._split_slots, states)
        start = ops.eye(self.slots, self.units // self.slots, dtype=self.compute_dtype)
        cells = start + change
        attended = self._attend(cells, matmul(inputs, self.input_kernel) + self.input_bias)
        attended = LayerNormalization(
            cells + attended, self.attention_scale, self.attention_offset
        ).value
        hidden = ops.relu(matmul(attended, self.hidden_kernel) + self.hidden_bias)
        dense = matmul(hidden, self.dense_kernel) + self.dense_bias
        candidates = LayerNormalization(attended + dense, self.dense_scale, self.dense_offset).value

        from_inputs = matmul(inputs, self.gate_kernel) + self.gate_bias
        gates = ops.expand_dims(from_inputs, 1) + matmul(outputs, self.gate_recurrent_kernel)
        forget, input_, output = ops.split(gates, 3, axis=-1)
        cells = ops.sigmoid(forget + 1) * cells + ops.sigmoid(input_) * ops.tanh(candidates)
        outputs = ops.reshape(ops.sigmoid(output) * ops.tanh(cells), (-1, self.units))
        return outputs, [outputs, ops.reshape(cells - start, (-1, self.units))]

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), **to_config(self, _ARGUMENTS)}

    def _attend(self, cells, embedded):
        """Multi-head attention from the slots to the slots and the input (Eqs. 1 and 2)."""
        size = self.units // self.slots
        sources = ops.concatenate([cells, ops.expand_dims(embedded, 1)], axis=1)
        queries, keys, values = (
            ops.reshape(matmul(x, kernel), (-1, rows, self.num_heads, size // self.num_heads))
            for x, kernel, rows in (
                (cells, self.query_kernel, self.slots),
                (sources, self.key_kernel, self.slots + 1),
                (sources, self.value_kernel, self.slots + 1),
            )
        )
        scores = ops.einsum("bqhd,bkhd->bhqk", queries, keys)
        weights = ops.softmax(scores / math.sqrt(size // self.num_heads))
        return ops.reshape(ops.einsum("bhqk,bkhd->bqhd", weights, values), (-1, self.slots, size))

    def _split_slots(self, state):
        return ops.reshape(state, (-1, self.slots, self.units // self.slots))

    def _kernel(self, name, shape, initializer=None):
        return self.add_weight(
            name=name, shape=shape, initializer=_fresh(initializer or self.kernel_initializer)
        )

    def _bias(self, name, size):
        return self.add_weight(name=name, shape=(size,), initializer=self.bias_initializer)

    def _norm(self, name, size):
        scale = self.add_weight(name=f"{name}_scale", shape=(size,), initializer="ones")
        offset = self.add_weight(name=f"{name}_offset", shape=(size,), initializer="zeros")
        return scale, offset


_ARGUMENTS = argument_names(RelationalMemoryCell)


def _fresh(initializer):
    """Copies an initializer, which would give the same values again for the same shape."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer

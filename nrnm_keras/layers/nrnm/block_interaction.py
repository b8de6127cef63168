"""How the units of a block act on its hidden states: by attention or by one linear map.

Both classes are constructed from the hidden states as rows, `(batch * slots, units)`, the block,
`(batch, slots + block_size, units)`, and a dict of weights. Their `value` is `(batch * slots,
units)`. Their method `gradient` is for `loop_kernel.compute`.
"""

import math
from typing import Any

from keras import ops

from nrnm_keras.layers.nrnm.loop_kernel import kernel_gradient
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Tensor


class Attention:
    """Multi-head attention from the hidden states to all units of the block (Eq. 2).

    There are fewer queries than units. So the key kernel is applied to the queries, not to the
    units, and the value kernel to the attended units. The result is the same, and the cost of
    both products does not grow with the number of inputs.

    Args:
        slots: The number of hidden states.
        weights: Dict of `query_kernel`, `(units, units)`, `key_kernel`, `(heads, head_size,
            units)`, and `value_kernel`, `(heads, units, head_size)`.

    Attributes:
        value: The result of the attention, `(batch * slots, units)`.
        weights: `(batch, slots * heads, slots + block_size)`.
    """

    def __init__(self, slots: Tensor, hidden: Tensor, block: Tensor, weights: Any) -> None:
        self._hidden, self._block = hidden, block
        self._heads, head_size, units = weights["key_kernel"].shape
        self._scale = 1 / math.sqrt(head_size)
        self._by_sequence = -1, slots * self._heads, units
        self._by_slot = -1, self._heads, units
        self._queries = matmul(hidden, weights["query_kernel"]) * self._scale
        asked = map(matmul, self._split(self._queries), _heads(weights["key_kernel"]))
        self._asked = ops.reshape(ops.stack(list(asked), axis=1), self._by_sequence)
        self.weights = ops.softmax(ops.einsum("bqu,bku->bqk", self._asked, block))
        self._attended = ops.reshape(matmul(self.weights, block), self._by_slot)
        attended = ops.unstack(self._attended, axis=1)
        values = map(matmul, attended, _heads(weights["value_kernel"]))
        self.value = ops.concatenate(list(values), axis=-1)

    def gradient(self, upstream: Tensor, transposed: dict[str, Tensor]) -> Any:
        """The gradients of the hidden states and the block, and of the weights."""
        d_values = self._split(upstream)
        d_attended = map(matmul, d_values, _heads(transposed["value_kernel"]))
        d_attended = ops.reshape(ops.stack(list(d_attended), axis=1), self._by_sequence)
        d_weights = ops.einsum("bqu,bku->bqk", d_attended, self._block) * self.weights
        d_scores = d_weights - self.weights * ops.sum(d_weights, axis=-1, keepdims=True)
        d_block = ops.einsum("bqk,bqu->bku", self.weights, d_attended)
        d_block = d_block + ops.einsum("bqk,bqu->bku", d_scores, self._asked)
        d_asked = ops.unstack(ops.reshape(matmul(d_scores, self._block), self._by_slot), axis=1)
        d_queries = map(matmul, d_asked, _heads(transposed["key_kernel"]))
        d_queries = ops.concatenate(list(d_queries), axis=-1) * self._scale
        d_keys = map(kernel_gradient, self._split(self._queries), d_asked)
        d_values = map(kernel_gradient, ops.unstack(self._attended, axis=1), d_values)
        return [matmul(d_queries, transposed["query_kernel"]), d_block], {
            "query_kernel": kernel_gradient(self._hidden, d_queries),
            "key_kernel": ops.stack(list(d_keys)),
            "value_kernel": ops.stack(list(d_values)),
        }

    def weights_by_head(self) -> Tensor:
        """The attention of each hidden state, `(batch, heads, slots, slots + block_size)`."""
        _, queries, units = self.weights.shape
        shape = -1, queries // self._heads, self._heads, units
        return ops.transpose(ops.reshape(self.weights, shape), (0, 2, 1, 3))

    def _split(self, rows):
        return ops.split(rows, self._heads, axis=-1)


class LinearMap:
    """One linear map of the whole block, the "w/o self-attention" variant.

    Args:
        slots: The number of hidden states.
        weights: Dict of `linear_kernel`, `((slots + block_size) * units, slots * units)`.
    """

    def __init__(self, slots: Tensor, hidden: Tensor, block: Tensor, weights: Any) -> None:
        _, rows, units = block.shape
        self._block_shape = -1, rows, units
        self._mapped_shape = -1, slots * units
        self._block = ops.reshape(block, (-1, rows * units))
        self.value = ops.reshape(matmul(self._block, weights["linear_kernel"]), (-1, units))

    def gradient(self, upstream: Tensor, transposed: dict[str, Tensor]) -> Any:
        """The gradients of the hidden states and the block, and of the weights."""
        upstream = ops.reshape(upstream, self._mapped_shape)
        d_block = ops.reshape(matmul(upstream, transposed["linear_kernel"]), self._block_shape)
        return [0, d_block], {"linear_kernel": kernel_gradient(self._block, upstream)}


def _heads(kernel):
    """The kernels of the heads as a list. Slices of a variable have a slower gradient."""
    return ops.unstack(ops.convert_to_tensor(kernel))

"""How a step reads the memory: through a gate, as in the paper, or by attention to its slots."""

import math
from typing import Any

from keras import ops

from nrnm_keras.layers.nrnm.activation_gradients import sigmoid_gradient
from nrnm_keras.layers.nrnm.loop_kernel import compute, kernel_gradient, multiply
from nrnm_keras.layers.nrnm.memory_part import MemoryPart
from nrnm_keras.layers.nrnm.rows import from_rows, leading_axes, to_rows
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Shape, Tensor


class GatedRead(MemoryPart):
    """Reads all of the memory through a gate for each of its units (Eqs. 5 and 7).

        g_t = sigmoid(x_t W_m + v U_m + b_m),  r_t = (g_t * v) W_r

    with v the flattened memory. Both readers have the same methods; where a shape says `...`, any
    leading axes will do.

    Args:
        slots: Positive integer, the number of rows of the memory.
        hidden_units: Positive integer, the size of the hidden states that what is read joins.
        **kwargs: Those of `MemoryPart`.

    Reference: Fu et al., ICCV 2019.
    """

    def __init__(self, slots: int, hidden_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slots = slots
        self.hidden_units = hidden_units

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        size = self.slots * self.units
        self.gate_kernel = self.add_kernel("read_gate_kernel", (input_shape[-1], size))
        self.gate_recurrent_kernel = self.add_kernel(
            "read_gate_recurrent_kernel", (size, size), kind="recurrent"
        )
        self.gate_bias = self.add_bias(
            "read_gate_bias", (size,), self.weight_options["read_bias_initializer"]
        )
        self.kernel = self.add_kernel(
            "read_kernel", (size, self.hidden_units), self.weight_options["read_initializer"]
        )

    def weights_by_name(self) -> dict[str, Tensor]:
        """The weights that a read takes, by name."""
        weights = {
            "gate_kernel": self.gate_kernel,
            "gate_bias": self.gate_bias,
            "gate_recurrent_kernel": self.gate_recurrent_kernel,
            "kernel": self.kernel,
        }
        return {name: weight for name, weight in weights.items() if weight is not None}

    def project_inputs(self, inputs: Tensor, weights: Any) -> Tensor:
        """What inputs `(..., features)` contribute, `(..., slots * units)`."""
        return multiply(inputs, weights["gate_kernel"], weights.get("gate_bias"))

    def gates(self, projected: Tensor, memory: Tensor, weights: Any) -> Tensor:
        """The gates g_t, `(..., batch, slots * units)`."""
        return ops.sigmoid(projected + multiply(memory, weights["gate_recurrent_kernel"]))

    def read(self, inputs: Tensor, memory: Tensor, weights: Any) -> Tensor:
        """Reads the memory.

        Args:
            inputs: Inputs of any number of steps, `(..., batch, features)`.
            memory: `(batch, slots * units)`.
            weights: `weights_by_name()`, or what a loop made of them.

        Returns:
            What enters the recurrence, `(..., batch, hidden_units)`.
        """
        return compute(_GatedReading, [inputs, memory], weights).value


class _GatedReading:
    """What a `GatedRead` reads, a computation for `loop_kernel.compute`."""

    def __init__(self, inputs, memory, weights):
        self._memory = memory
        self._inputs, self._leading = to_rows(inputs), leading_axes(inputs)
        projected = matmul(self._inputs, weights["gate_kernel"])
        projected = projected + weights["gate_bias"] if "gate_bias" in weights else projected
        from_memory = matmul(memory, weights["gate_recurrent_kernel"])
        self._gates = ops.sigmoid(from_rows(projected, self._leading) + from_memory)
        self._opened = to_rows(self._gates * memory)
        self.value = from_rows(matmul(self._opened, weights["kernel"]), self._leading)

    def gradient(self, upstream, transposed):
        """The gradients of inputs and memory, and of the weights."""
        upstream = to_rows(upstream)
        d_opened = from_rows(matmul(upstream, transposed["kernel"]), self._leading)
        from_gates = d_opened * self._gates
        d_gates = sigmoid_gradient(self._gates, d_opened * self._memory)
        steps = tuple(range(len(self._leading) - 1))
        d_from_memory = ops.sum(d_gates, axis=steps)
        d_memory = matmul(d_from_memory, transposed["gate_recurrent_kernel"])
        d_memory = d_memory + ops.sum(from_gates, axis=steps)
        d_gates = to_rows(d_gates)
        d_inputs = from_rows(matmul(d_gates, transposed["gate_kernel"]), self._leading)
        return [d_inputs, d_memory], {
            "gate_kernel": kernel_gradient(self._inputs, d_gates),
            "gate_bias": ops.sum(d_from_memory, axis=0),
            "gate_recurrent_kernel": kernel_gradient(self._memory, d_from_memory),
            "kernel": kernel_gradient(self._opened, upstream),
        }


class AttentionRead(MemoryPart):
    """Reads the slots of the memory by their content, through a gate.

        a_t = softmax((x_t W_q) (M W_k)^T / sqrt(head size)) M W_v
        g_t = sigmoid(x_t W_m + b_m),  r_t = (g_t * a_t) W_r

    where each head has its part of the units. It is not in the papers, whose gate cannot look for
    the slot that fits a step.

    Args:
        slots: Positive integer, the number of rows of the memory.
        hidden_units: Positive integer, as in `GatedRead`.
        num_heads: Positive integer, the number of attention heads.
        **kwargs: Those of `MemoryPart`.
    """

    def __init__(self, slots: int, hidden_units: int, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slots = slots
        self.hidden_units = hidden_units
        self.num_heads = num_heads

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        features, units = input_shape[-1], self.units
        self.query_kernel = self.add_kernel("read_query_kernel", (features, units))
        self.gate_kernel = self.add_kernel("read_gate_kernel", (features, units))
        self.gate_bias = self.add_bias(
            "read_gate_bias", (units,), self.weight_options["read_bias_initializer"]
        )
        self.key_kernel = self.add_kernel("read_key_kernel", (units, units))
        self.value_kernel = self.add_kernel("read_value_kernel", (units, units))
        self.kernel = self.add_kernel(
            "read_kernel", (units, self.hidden_units), self.weight_options["read_initializer"]
        )

    def weights_by_name(self) -> dict[str, Tensor]:
        """The weights that a read takes, by name."""
        weights = {
            "gate_kernel": self.gate_kernel,
            "gate_bias": self.gate_bias,
            "query_kernel": self.query_kernel,
            "key_kernel": self.key_kernel,
            "value_kernel": self.value_kernel,
            "kernel": self.kernel,
        }
        return {name: weight for name, weight in weights.items() if weight is not None}

    def project_inputs(self, inputs: Tensor, weights: Any) -> Tensor:
        """What inputs `(..., features)` contribute, gates and queries: `(..., 2 * units)`."""
        gates = multiply(inputs, weights["gate_kernel"], weights.get("gate_bias"))
        return ops.concatenate([gates, multiply(inputs, weights["query_kernel"])], axis=-1)

    def gates(self, projected: Tensor, memory: Tensor, weights: Any) -> Tensor:
        """The gates g_t, `(..., batch, units)`."""
        return ops.sigmoid(projected[..., : self.units])

    def read(self, inputs: Tensor, memory: Tensor, weights: Any) -> Tensor:
        """Reads the memory; arguments and result are those of `GatedRead.read`."""
        projected = self.project_inputs(inputs, weights)
        size = self.units // self.num_heads
        slots = ops.reshape(memory, (-1, self.slots, self.units))
        keys, values = (
            ops.reshape(multiply(slots, weights[name]), (-1, self.slots, self.num_heads, size))
            for name in ("key_kernel", "value_kernel")
        )
        queries = projected[..., self.units :]
        *steps, batch_size, units = ops.shape(queries)
        queries = ops.reshape(queries, (math.prod(steps), batch_size, self.num_heads, size))
        scores = ops.einsum("tbhd,bshd->tbhs", queries, keys) / math.sqrt(size)
        attended = ops.einsum("tbhs,bshd->tbhd", ops.softmax(scores), values)
        gates = self.gates(projected, memory, weights)
        return multiply(
            gates * ops.reshape(attended, (*steps, batch_size, units)), weights["kernel"]
        )

"""How a step reads the memory: through a gate, as in the paper, or by attention to its slots."""

import math
from typing import Any

from keras import ops

from nrnm_keras.layers.nrnm.loop_kernel import multiply
from nrnm_keras.layers.nrnm.memory_part import MemoryPart, project
from nrnm_keras.typing import Shape, Tensor


class GatedRead(MemoryPart):
    """Reads all of the memory through a gate for each of its units (Eqs. 5 and 7).

        g_t = sigmoid(x_t W_m + v U_m + b_m),  r_t = (g_t * v) W_r

    with v the flattened memory. Both readers have the same methods; where a shape says `...`, any
    leading axes will do.

    Args:
        slots: Positive integer, the number of rows of the memory.
        **kwargs: Those of `MemoryPart`.

    Reference: Fu et al., ICCV 2019.
    """

    def __init__(self, slots: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slots = slots

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
            "read_kernel", (size, self.units), self.weight_options["read_initializer"]
        )

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """What inputs `(..., features)` contribute, `(..., slots * units)`."""
        return project(inputs, self.gate_kernel, self.gate_bias)

    def kernels(self) -> dict[str, Tensor]:
        """The kernels by which a loop over `read` multiplies, by name."""
        return {
            "read_gate_recurrent_kernel": self.gate_recurrent_kernel,
            "read_kernel": self.kernel,
        }

    def gates(self, projected: Tensor, memory: Tensor, kernels: dict[str, Tensor]) -> Tensor:
        """The gates g_t, `(..., batch, slots * units)`."""
        return ops.sigmoid(projected + multiply(memory, kernels["read_gate_recurrent_kernel"]))

    def read(self, projected: Tensor, memory: Tensor, kernels: dict[str, Tensor]) -> Tensor:
        """Reads the memory.

        Args:
            projected: `project_inputs` of any number of steps, `(..., batch, size)`.
            memory: `(batch, slots * units)`.
            kernels: `kernels()`, or what a loop made of them.

        Returns:
            What enters the recurrence, `(..., batch, units)`.
        """
        return multiply(self.gates(projected, memory, kernels) * memory, kernels["read_kernel"])


class AttentionRead(MemoryPart):
    """Reads the slots of the memory by their content, through a gate.

        a_t = softmax((x_t W_q) (M W_k)^T / sqrt(head size)) M W_v
        g_t = sigmoid(x_t W_m + b_m),  r_t = (g_t * a_t) W_r

    where each head has its part of the units. It is not in the papers, whose gate cannot look for
    the slot that fits a step.

    Args:
        slots: Positive integer, the number of rows of the memory.
        num_heads: Positive integer, the number of attention heads.
        **kwargs: Those of `MemoryPart`.
    """

    def __init__(self, slots: int, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slots = slots
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
            "read_kernel", (units, units), self.weight_options["read_initializer"]
        )

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """What inputs `(..., features)` contribute, gates and queries: `(..., 2 * units)`."""
        gates = project(inputs, self.gate_kernel, self.gate_bias)
        return ops.concatenate([gates, project(inputs, self.query_kernel)], axis=-1)

    def kernels(self) -> dict[str, Tensor]:
        """The kernels by which a loop over `read` multiplies, by name."""
        return {
            "read_key_kernel": self.key_kernel,
            "read_value_kernel": self.value_kernel,
            "read_kernel": self.kernel,
        }

    def gates(self, projected: Tensor, memory: Tensor, kernels: dict[str, Tensor]) -> Tensor:
        """The gates g_t, `(..., batch, units)`."""
        return ops.sigmoid(projected[..., : self.units])

    def read(self, projected: Tensor, memory: Tensor, kernels: dict[str, Tensor]) -> Tensor:
        """Reads the memory; arguments and result are those of `GatedRead.read`."""
        size = self.units // self.num_heads
        slots = ops.reshape(memory, (-1, self.slots, self.units))
        keys, values = (
            ops.reshape(multiply(slots, kernels[name]), (-1, self.slots, self.num_heads, size))
            for name in ("read_key_kernel", "read_value_kernel")
        )
        queries = projected[..., self.units :]
        *steps, batch_size, units = ops.shape(queries)
        queries = ops.reshape(queries, (math.prod(steps), batch_size, self.num_heads, size))
        scores = ops.einsum("tbhd,bshd->tbhs", queries, keys) / math.sqrt(size)
        attended = ops.einsum("tbhs,bshd->tbhd", ops.softmax(scores), values)
        gates = self.gates(projected, memory, kernels)
        return multiply(
            gates * ops.reshape(attended, (*steps, batch_size, units)), kernels["read_kernel"]
        )

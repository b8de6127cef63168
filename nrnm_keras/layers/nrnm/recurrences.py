"""One step of each backbone that the memory can be combined with.

    hidden, carry = recurrence.step(from_inputs, from_hidden, read, hidden, carry)

`from_inputs` and `from_hidden`, shape `(batch, num_gates * units)`, are the contributions of the
inputs and of the recurrent state to the gates. `read`, shape `(batch, units)`, is the result of
reading the memory. `hidden` has shape `(batch, units)`, and `carry` has shape
`(batch, carry_size)`. The weights have the shapes and the order of gates of the Keras layer of the
same name and can be exchanged with it.
"""

from collections.abc import Callable
from typing import TypeAlias

from keras import ops

from nrnm_keras.typing import Tensor

Activation: TypeAlias = Callable[[Tensor], Tensor]


class _Recurrence:
    """Base class: the hidden state is the output, and there is no other state."""

    num_gates = 1
    has_hidden_bias = False
    has_cell_state = False

    def __init__(
        self, units: int, activation: Activation, recurrent_activation: Activation
    ) -> None:
        self.units = units
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.recurrent_size = units
        self.carry_size = 0

    def recurrent_inputs(self, hidden: Tensor, carry: Tensor) -> Tensor:
        """Returns the input of the recurrent kernel."""
        return hidden

    def step(
        self, from_inputs: Tensor, from_hidden: Tensor, read: Tensor, hidden: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the new hidden state and the new carry."""
        raise NotImplementedError


class LSTM(_Recurrence):
    """Eqs. 5, 6 and 8 of the paper; gates i, f, c, o. The memory is added to the cell state."""

    num_gates = 4
    has_cell_state = True

    def __init__(
        self,
        units: int,
        activation: Activation,
        recurrent_activation: Activation,
    ) -> None:
        super().__init__(units, activation, recurrent_activation)
        self.carry_size = units

    def step(
        self, from_inputs: Tensor, from_hidden: Tensor, read: Tensor, hidden: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Eqs. 5, 6 and 8."""
        i, f, c, o = ops.split(from_inputs + from_hidden, 4, axis=-1)
        carry = (
            self.recurrent_activation(f) * carry
            + self.recurrent_activation(i) * self.activation(c)
            + read
        )
        return self.recurrent_activation(o) * self.activation(carry), carry


class GRU(_Recurrence):
    """Gates z, r, h; the reset gate acts after the matmul (`reset_after` of `keras.layers.GRU`).

    The memory enters the candidate, inside its activation, so that the output stays bounded.
    """

    num_gates = 3
    has_hidden_bias = True

    def step(
        self, from_inputs: Tensor, from_hidden: Tensor, read: Tensor, hidden: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the new hidden state and the unchanged carry."""
        input_z, input_r, input_h = ops.split(from_inputs, 3, axis=-1)
        hidden_z, hidden_r, hidden_h = ops.split(from_hidden, 3, axis=-1)
        z = self.recurrent_activation(input_z + hidden_z)
        r = self.recurrent_activation(input_r + hidden_r)
        candidate = self.activation(input_h + r * hidden_h + read)
        return z * hidden + (1 - z) * candidate, carry


class SimpleRNN(_Recurrence):
    """One layer of `keras.layers.SimpleRNN`; the memory enters inside the activation."""

    def step(
        self, from_inputs: Tensor, from_hidden: Tensor, read: Tensor, hidden: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the new hidden state and the unchanged carry."""
        new = self.activation(from_inputs + from_hidden + read)
        return ops.cast(new, hidden.dtype), carry  # Keras's tanh on JAX is float32 in float64, too


class HighOrderRNN(SimpleRNN):
    """h_t from the last `ORDER` hidden states (Soltani & Jiang 2016, Eq. 5, without pooling).

    The carry holds the hidden states before the last one, the newest first.
    """

    ORDER = 3

    def __init__(
        self,
        units: int,
        activation: Activation,
        recurrent_activation: Activation,
    ) -> None:
        super().__init__(units, activation, recurrent_activation)
        self.recurrent_size = self.ORDER * units
        self.carry_size = (self.ORDER - 1) * units

    def recurrent_inputs(self, hidden: Tensor, carry: Tensor) -> Tensor:
        """Returns the hidden states that enter a step, the newest first."""
        return ops.concatenate([hidden, carry], axis=-1)

    def step(
        self, from_inputs: Tensor, from_hidden: Tensor, read: Tensor, hidden: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the new hidden state and the previous ones."""
        older = self.recurrent_inputs(hidden, carry)[:, : self.carry_size]
        return super().step(from_inputs, from_hidden, read, hidden, older)[0], older


# By the value of the argument `backbone` of `NRNMCell`.
BACKBONES: dict[str, type[_Recurrence]] = {
    "lstm": LSTM,
    "gru": GRU,
    "rnn": SimpleRNN,
    "high_order_rnn": HighOrderRNN,
}

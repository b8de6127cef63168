"""The steps of one window, computed one by one by the cell."""

from typing import TYPE_CHECKING

import keras
from keras import ops

from nrnm_keras.layers.nrnm.loops import loop
from nrnm_keras.layers.nrnm.window_inputs import StepInputs
from nrnm_keras.layers.zoneout import hold
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:
    from nrnm_keras.layers.nrnm.nrnm_cell import NRNMCell


class CellWindow:
    """Runs any `NRNMCell` over the steps of a window, with states as rows, `(batch, units)`.

    It replaces `LSTMWindow` for other recurrences, activations and backends.

    Args:
        cell: The built `NRNMCell`.
        recurrent_mask: Mask of the recurrent dropout, `(batch, units)`, or `None`.
        stride: Positive integer s: every s-th hidden state of a window becomes a slot of the
            memory. `None`: none does.
    """

    def __init__(self, cell: "NRNMCell", recurrent_mask: Tensor | None, stride: int | None) -> None:
        self._cell = cell
        self._recurrent_mask = recurrent_mask
        self._slots = slice(0) if stride is None else slice(stride - 1, None, stride)

    def lay_out(self, rows: Tensor) -> Tensor:
        """Turns `(..., batch, units)` into the layout of the window's tensors."""
        return rows

    def rows(self, laid_out: Tensor) -> Tensor:
        """The reverse of `lay_out`."""
        return laid_out

    def by_sequence(self, hiddens: Tensor) -> Tensor:
        """Turns laid out hidden states, steps first, into `(batch, steps, units)`."""
        return ops.transpose(hiddens, (1, 0, 2))

    def variables(self) -> list[keras.Variable]:
        """The variables of the cell that `run` uses."""
        weights = self._cell.kernel, self._cell.recurrent_kernel, self._cell.bias
        return [weight for weight in weights if weight is not None]

    def weights(self) -> list[Tensor]:
        """The weights that `run` takes, if they are not those of the cell."""
        return []

    def run(
        self,
        inputs: StepInputs,
        read: Tensor | None,
        hidden: Tensor,
        carry: Tensor,
        weights: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs over the steps of a window.

        Args:
            inputs: The `StepInputs` of the window.
            read: The result of reading the memory, `(steps, batch, units)`; `None` without one.
            hidden, carry: States before the window, laid out.
            weights: `weights()`.

        Returns:
            The hidden states, steps first; those that become slots; and the last states, all laid
            out.
        """
        inputs = inputs._replace(inputs=self._prepare(inputs.inputs), active=None)

        def step(given, states):
            step_inputs, read = given
            new_hidden, new_carry = self._recur(step_inputs.inputs, read, *states)
            hidden = hold(new_hidden, states[0], step_inputs.hidden_kept)
            return hidden, (hidden, hold(new_carry, states[1], step_inputs.carry_kept))

        # XLA compiles more slowly the more steps are unrolled. In a TensorFlow graph, the loop's
        # iterations cost more than the steps.
        unroll = keras.backend.backend() != "jax"
        hiddens, (hidden, carry) = loop(step, (inputs, read), (hidden, carry), unroll=unroll)
        return hiddens, hiddens[self._slots], hidden, carry

    def _prepare(self, inputs):
        """What the steps of a window can compute at once."""
        return self._cell.gate_inputs(inputs)

    def _recur(self, prepared, read, hidden, carry):
        """The new hidden state and the new carry of one step."""
        return self._cell.recur(prepared, read, hidden, carry, self._recurrent_mask)

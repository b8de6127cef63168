"""The steps of one window, as the cell computes each of them."""

from keras import ops

from nrnm_keras.layers.zoneout import hold


class CellWindow:
    """Runs any `NRNMCell` over the steps of a window, with states as rows, `(batch, units)`.

    What stands in the place of `LSTMWindow` for other recurrences and activations.

    Args:
        cell: The built `NRNMCell`.
        recurrent_mask: Mask of the recurrent dropout, `(batch, units)`, or `None`.
    """

    def __init__(self, cell, recurrent_mask):
        self._cell = cell
        self._recurrent_mask = recurrent_mask

    def lay_out(self, rows):
        """Turns `(..., batch, units)` into the layout of the window's tensors."""
        return rows

    def rows(self, laid_out):
        """The reverse of `lay_out`."""
        return laid_out

    def by_sequence(self, hiddens):
        """Turns laid out hidden states, steps first, into `(batch, steps, units)`."""
        return ops.transpose(hiddens, (1, 0, 2))

    def prepare(self, inputs):
        """A dict of what `run` needs to know of inputs `(..., batch, features)` besides them."""
        return {}

    def run(self, known, read, hidden, carry):
        """Runs over the steps of a window.

        Args:
            known: Dict of tensors, steps first: `inputs`, `(steps, batch, features)`; what
                `prepare` made of them; `hidden_kept` and `carry_kept`, what the states keep of
                their old values, laid out, if they keep anything.
            read: What is read from the memory, `(steps, batch, units)`.
            hidden, carry: States before the window, laid out.

        Returns:
            The hidden states, steps first, those that become slots, and the last states, all of
            them laid out.
        """
        gate_inputs, hiddens = self._cell.gate_inputs(known["inputs"]), []
        for t in range(gate_inputs.shape[0]):
            new_hidden, new_carry = self._cell.recur(
                gate_inputs[t], read[t], hidden, carry, self._recurrent_mask
            )
            hidden = hold(new_hidden, hidden, at_step(known.get("hidden_kept"), t))
            carry = hold(new_carry, carry, at_step(known.get("carry_kept"), t))
            hiddens.append(hidden)
        slots = hiddens[self._cell.stride - 1 :: self._cell.stride]
        slots = ops.stack(slots) if slots else ops.zeros((0, *ops.shape(hidden)), hidden.dtype)
        return ops.stack(hiddens), slots, hidden, carry


def at_step(kept, t):
    """What is kept at a step, if anything is kept."""
    return None if kept is None else kept[t]

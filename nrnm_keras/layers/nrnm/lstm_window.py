"""The LSTM steps of one window, with a faster layout and a faster gradient."""

import operator
from typing import Any

import keras
from keras import activations, ops

from nrnm_keras.layers.nrnm.activation_gradients import sigmoid_gradient, tanh_gradient
from nrnm_keras.layers.nrnm.cell_window import CellWindow
from nrnm_keras.layers.zoneout import hold
from nrnm_keras.typing import Tensor


class LSTMWindow(CellWindow):
    """Computes Eqs. 5, 6 and 8 for all steps of a window, with the same results as `CellWindow`.

    Sequences are columns: states are `(units, batch)`. For small batches, a kernel times columns
    took three quarters of the time of rows times a kernel (TensorFlow on CPU). Each gate has its
    own matmul, so that several cores compute them at once, and no result has to be split. The
    automatic gradient transposes the kernel and adds to the kernel's gradient at every step. Here,
    the transpose is computed once for all windows, and the kernel's gradient is one matmul per
    gate and window.

    Args:
        cell: The built `NRNMCell` or `keras.layers.LSTMCell`, which `fits`.
        recurrent_mask: Mask of the recurrent dropout, `(batch, units)`, or `None`.
        stride: Positive integer or `None`, as in `CellWindow`.
        hidden: Hidden state before the first window, `(batch, units)`.
        training: Boolean, whether gradients will be needed.
    """

    def __init__(
        self,
        cell: Any,
        recurrent_mask: Tensor | None,
        stride: int | None,
        hidden: Tensor,
        training: bool,
    ) -> None:
        super().__init__(cell, None if recurrent_mask is None else _columns(recurrent_mask), stride)
        self._training = training
        self._weights = [ops.cast(w, hidden.dtype) for w in (cell.kernel, cell.recurrent_kernel)]
        bias = ops.zeros_like(cell.kernel[0]) if cell.bias is None else cell.bias
        bias = ops.expand_dims(ops.cast(bias, hidden.dtype), 0)
        # These multiply the stacked inputs, a 1 and the hidden state.
        kernel = ops.concatenate([self._weights[0], bias, self._weights[1]], axis=0)
        # In this order, because TensorFlow would fold a final transpose into the matmuls outside
        # the loop and slow them down.
        self._kernels = ops.split(ops.transpose(kernel), 4)
        self._as_rows = self._split_gates() if training else None
        self._one = _columns(ops.ones_like(hidden[:, :1]))

    @staticmethod
    def fits(cell: Any) -> bool:
        """Whether an LSTM cell can use this class: it has these activations, on TensorFlow.

        With a hand-written gradient, JAX would have no forward mode and PyTorch no second
        derivatives.
        """
        return (
            keras.backend.backend() == "tensorflow"
            and cell.activation is activations.tanh
            and cell.recurrent_activation is activations.sigmoid
        )

    def lay_out(self, rows: Tensor) -> Tensor:
        """Turns `(..., batch, units)` into `(..., units, batch)`."""
        return _columns(rows)

    def rows(self, laid_out: Tensor) -> Tensor:
        """The reverse of `lay_out`."""
        return _columns(laid_out)

    def by_sequence(self, hiddens: Tensor) -> Tensor:
        """Turns laid out hidden states, steps first, into `(batch, steps, units)`."""
        return ops.transpose(hiddens, (2, 0, 1))

    def variables(self) -> list[keras.Variable]:
        """None: the steps use `weights()`."""
        return []

    def weights(self) -> list[Tensor]:
        """The kernels of the gates, which multiply the stacked inputs, a 1 and the state."""
        return self._kernels

    def run(
        self,
        known: dict[str, Tensor],
        read: Tensor | None,
        hidden: Tensor,
        carry: Tensor,
        weights: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs over the steps of a window, as `CellWindow.run` does."""
        held: dict[str, Tensor] = {
            name: known[name] for name in ("hidden_kept", "carry_kept") if name in known
        }
        if self._recurrent_mask is not None:
            held["recurrent_mask"] = self._recurrent_mask

        # Only tensors that need a gradient are arguments: TensorFlow would create zeros for others.
        @ops.custom_gradient
        def run(inputs, hidden, cell, *others):
            kernels, reads = others[:4], others[4:]
            read = _columns(reads[0]) if reads else None
            steps = _run_steps(_columns(inputs), self._one, read, hidden, cell, kernels, **held)
            hiddens = [step.hidden for step in steps]
            slots = hiddens[self._slots]
            # In training, computed here, as they need less memory than the steps.
            slopes = _Slopes(steps) if self._training else None

            def gradient(d_hiddens, d_slots, d_hidden, d_cell):
                d_hiddens = ops.unstack(d_hiddens)
                if slots:
                    d_slots = map(operator.add, d_hiddens[self._slots], ops.unstack(d_slots))
                    d_hiddens[self._slots] = d_slots
                # Not constants, so that a second differentiation finds the kernels.
                as_rows = self._as_rows or self._split_gates()
                upstream = d_hiddens, d_hidden, d_cell
                of_states, d_read = _backpropagate(
                    slopes or _Slopes(steps), as_rows, upstream, **held
                )
                return (*of_states, d_read) if reads else of_states

            no_slots = ops.zeros((0, *ops.shape(hidden)), hidden.dtype)
            stacked_slots = ops.stack(slots) if slots else no_slots
            return (ops.stack(hiddens), stacked_slots, hiddens[-1], steps[-1].cell), gradient

        reads = () if read is None else (read,)
        return run(known["inputs"], hidden, carry, *weights, *reads)

    def _split_gates(self):
        """For each gate, the kernels that multiply the inputs and those that multiply the state."""
        return [ops.split(weight, 4, axis=1) for weight in self._weights]


class _Step:
    """One step and the tensors that its gradient needs, all `(units, batch)`."""

    def __init__(self, inputs, one, read, hidden, cell, kernels, hidden_kept, carry_kept, mask):
        self.old_cell = cell
        hidden_inputs = hidden if mask is None else hidden * mask
        self.inputs = ops.concatenate([inputs, one, hidden_inputs], axis=0)
        i, f, c, o = (ops.matmul(kernel, self.inputs) for kernel in kernels)
        i, f, c, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(c), ops.sigmoid(o)
        self.gates = i, f, c, o
        new_cell = f * cell + i * c
        new_cell = new_cell if read is None else new_cell + read
        self.squashed = ops.tanh(new_cell)
        self.hidden = hold(o * self.squashed, hidden, hidden_kept)
        self.cell = hold(new_cell, cell, carry_kept)


class _Slopes:
    """The tensors that the gradient of a window needs, all steps at once: `(steps, ..., batch)`.

    This takes a dozen operations per window instead of a dozen per step.

    Attributes:
        inputs: the stacked inputs, 1 and hidden state that the kernel multiplied.
        cell: derivative of the new cell state by the old one.
        squashed: derivative of the hidden state by the new cell state.
        gates: derivatives by the four gates before their activation: those of the new cell state
            and, for the output gate, that of the hidden state.
    """

    def __init__(self, steps):
        self.inputs = ops.stack([step.inputs for step in steps])
        old_cell = ops.stack([step.old_cell for step in steps])
        squashed = ops.stack([step.squashed for step in steps])
        i, f, c, o = (ops.stack(gate) for gate in zip(*(s.gates for s in steps), strict=True))
        self.cell = f
        self.squashed = tanh_gradient(squashed, o)
        self.gates = [
            sigmoid_gradient(i, c),
            sigmoid_gradient(f, old_cell),
            tanh_gradient(c, i),
            sigmoid_gradient(o, squashed),
        ]


def _run_steps(
    inputs,
    one,
    read,
    hidden,
    cell,
    kernels,
    hidden_kept=None,
    carry_kept=None,
    recurrent_mask=None,
):
    steps = []
    inputs = ops.unstack(inputs)
    reads = [None] * len(inputs) if read is None else ops.unstack(read)
    for t, (x, r) in enumerate(zip(inputs, reads, strict=True)):
        kept = _at_step(hidden_kept, t), _at_step(carry_kept, t)
        step = _Step(x, one, r, hidden, cell, kernels, *kept, recurrent_mask)
        hidden, cell = step.hidden, step.cell
        steps.append(step)
    return steps


def _backpropagate(
    slopes, kernels, upstream, hidden_kept=None, carry_kept=None, recurrent_mask=None
):
    """The gradients of inputs, hidden state, cell state and the four kernels; and of the read.

    `kernels` is `_split_gates()`. `upstream` has the gradients of the steps' hidden states, of the
    last hidden state as a separate output, and of the last cell state.
    """
    d_hiddens, d_hidden, d_cell = upstream
    input_kernels, recurrent_kernels = kernels
    of_cell, of_squashed = ops.unstack(slopes.cell), ops.unstack(slopes.squashed)
    of_gates = list(zip(*map(ops.unstack, slopes.gates), strict=True))
    d_gates, d_read = [], []
    for t in reversed(range(len(d_hiddens))):
        d_hidden, old_hidden = _through(d_hidden + d_hiddens[t], _at_step(hidden_kept, t))
        d_cell, old_cell = _through(d_cell, _at_step(carry_kept, t))
        d_cell = d_cell + d_hidden * of_squashed[t]
        i, f, c, o = of_gates[t]
        step_gates = [d_cell * i, d_cell * f, d_cell * c, d_hidden * o]
        d_read.append(d_cell)
        d_gates.append(step_gates)
        d_hidden = _sum_of_products(recurrent_kernels, step_gates)
        d_cell = d_cell * of_cell[t]
        if recurrent_mask is not None:
            d_hidden = d_hidden * recurrent_mask
        d_hidden = d_hidden if old_hidden is None else d_hidden + old_hidden
        d_cell = d_cell if old_cell is None else d_cell + old_cell
    d_gates = [ops.concatenate(gate, axis=1) for gate in zip(*d_gates[::-1], strict=True)]
    d_inputs = _sum_of_products(input_kernels, d_gates)
    d_inputs = ops.reshape(d_inputs, (d_inputs.shape[0], len(d_read), -1))
    rows = _columns(slopes.inputs)
    rows = ops.reshape(rows, (-1, rows.shape[-1]))
    d_kernels = [ops.matmul(gate, rows) for gate in d_gates]
    d_inputs, d_read = ops.transpose(d_inputs, (1, 2, 0)), _columns(ops.stack(d_read[::-1]))
    return (d_inputs, d_hidden, d_cell, *d_kernels), d_read


def _sum_of_products(kernels, columns):
    import tensorflow as tf

    return tf.add_n(list(map(ops.matmul, kernels, columns)))


def _columns(x):
    return ops.swapaxes(x, -1, -2)


def _through(gradient, kept):
    """Splits a state's gradient into that of its new value and that of its old one."""
    if kept is None:
        return gradient, None
    return gradient * (1 - kept), gradient * kept


def _at_step(kept, t):
    """The fraction of the old state that is kept at a step, or None."""
    return None if kept is None else kept[t]

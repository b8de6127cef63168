"""The LSTM steps of one window, with a faster layout and a faster gradient."""

import operator
from typing import Any, NamedTuple

import keras
from keras import activations, ops

from nrnm_keras.layers.nrnm.activation_gradients import sigmoid_gradient, tanh_gradient
from nrnm_keras.layers.nrnm.cell_window import CellWindow
from nrnm_keras.layers.nrnm.window_inputs import StepInputs
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
        inputs: StepInputs,
        read: Tensor | None,
        hidden: Tensor,
        carry: Tensor,
        weights: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs over the steps of a window, as `CellWindow.run` does."""
        masks = _Masks(inputs.hidden_kept, inputs.carry_kept, self._recurrent_mask)

        # Only tensors that need a gradient are arguments: TensorFlow would create zeros for others.
        @ops.custom_gradient
        def run(inputs, hidden, cell, *others):
            kernels, reads = others[:4], others[4:]
            read = _columns(reads[0]) if reads else None
            steps = _run_steps(_columns(inputs), self._one, read, hidden, cell, kernels, masks)
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
                    slopes or _Slopes(steps), as_rows, upstream, masks
                )
                return (*of_states, d_read) if reads else of_states

            no_slots = ops.zeros((0, *ops.shape(hidden)), hidden.dtype)
            stacked_slots = ops.stack(slots) if slots else no_slots
            return (ops.stack(hiddens), stacked_slots, hiddens[-1], steps[-1].cell), gradient

        reads = () if read is None else (read,)
        return run(inputs.inputs, hidden, carry, *weights, *reads)

    def _split_gates(self):
        """For each gate, the kernels that multiply the inputs and those that multiply the state."""
        return [ops.split(weight, 4, axis=1) for weight in self._weights]


class _Masks(NamedTuple):
    """Tensors without a gradient, each of which may be None.

    Attributes:
        hidden_kept, carry_kept: as in `StepInputs`.
        recurrent: the mask of the recurrent dropout.
    """

    hidden_kept: Tensor | None
    carry_kept: Tensor | None
    recurrent: Tensor | None

    def at_step(self, t: int) -> "_Masks":
        """The masks of one step."""
        hidden_kept, carry_kept = (None if x is None else x[t] for x in self[:2])
        return _Masks(hidden_kept, carry_kept, self.recurrent)


class _Step:
    """One step and the tensors that its gradient needs, all `(units, batch)`."""

    def __init__(self, inputs, one, read, hidden, cell, kernels, masks):
        self.old_cell = cell
        hidden_inputs = hidden if masks.recurrent is None else hidden * masks.recurrent
        self.inputs = ops.concatenate([inputs, one, hidden_inputs], axis=0)
        i, f, c, o = (ops.matmul(kernel, self.inputs) for kernel in kernels)
        i, f, c, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(c), ops.sigmoid(o)
        self.gates = i, f, c, o
        new_cell = f * cell + i * c
        new_cell = new_cell if read is None else new_cell + read
        self.squashed = ops.tanh(new_cell)
        self.hidden = hold(o * self.squashed, hidden, masks.hidden_kept)
        self.cell = hold(new_cell, cell, masks.carry_kept)


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


def _run_steps(inputs, one, read, hidden, cell, kernels, masks):
    steps = []
    inputs = ops.unstack(inputs)
    reads = [None] * len(inputs) if read is None else ops.unstack(read)
    for t, (x, r) in enumerate(zip(inputs, reads, strict=True)):
        step = _Step(x, one, r, hidden, cell, kernels, masks.at_step(t))
        hidden, cell = step.hidden, step.cell
        steps.append(step)
    return steps


def _backpropagate(slopes, kernels, upstream, masks):
    """The gradients of inputs, hidden state, cell state and the four kernels; and of the read.

    `kernels` is `_split_gates()`. `upstream` has the gradients of the steps' hidden states, of the
    last hidden state as a separate output, and of the last cell state.

    The step t is, with gates i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o), g = tanh(a_c) and
    the read r_t,

        a = W x_t + U (m h_{t-1}) + b
        c = f c_{t-1} + i g + r_t           c_t = k c_{t-1} + (1 - k) c
        h = o tanh(c)                       h_t = l h_{t-1} + (1 - l) h

    where m is the recurrent mask, k and l the fractions kept of the old states. With d for the
    gradient of the loss, and of h_t and c_t that of all later steps:

        dh = (1 - l) dh_t                   dc = (1 - k) dc_t + dh o (1 - tanh(c)^2)
        da_i = dc g i (1 - i)               da_f = dc c_{t-1} f (1 - f)
        da_c = dc i (1 - g^2)               da_o = dh tanh(c) o (1 - o)
        dh_{t-1} = m U^T da + l dh_t        dc_{t-1} = f dc + k dc_t
        dx_t = W^T da, dr_t = dc            dW = sum_t da x_t^T, dU = sum_t da (m h_{t-1})^T

    `slopes` holds the factors of dh and dc.
    """
    d_hiddens, d_hidden, d_cell = upstream
    input_kernels, recurrent_kernels = kernels
    of_cell, of_squashed = ops.unstack(slopes.cell), ops.unstack(slopes.squashed)
    of_gates = list(zip(*map(ops.unstack, slopes.gates), strict=True))
    d_gates, d_read = [], []
    for t in reversed(range(len(d_hiddens))):
        hidden_kept, carry_kept, recurrent_mask = masks.at_step(t)
        d_hidden, old_hidden = _through(d_hidden + d_hiddens[t], hidden_kept)
        d_cell, old_cell = _through(d_cell, carry_kept)
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

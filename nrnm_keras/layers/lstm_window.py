"""The LSTM's steps in one window, in a layout and with a gradient that are faster."""

from keras import ops

from nrnm_keras.layers.zoneout import hold


def lstm_kernels(cell, dtype, training):
    """The weights of an LSTM as `run_lstm_window` takes them.

    The input kernel, the bias and the recurrent kernel, one below the other, multiply the inputs,
    a 1 and the hidden state: `(features + 1 + units, 4 * units)`. Returned transposed, and, in
    training alone, as it is, without a gradient.
    """
    bias = ops.zeros_like(cell.kernel[0]) if cell.bias is None else cell.bias
    kernels = [cell.kernel, ops.expand_dims(bias, 0), cell.recurrent_kernel]
    kernels = [ops.cast(kernel, dtype) for kernel in kernels]
    # Parts are transposed one by one: TensorFlow would fold a last transpose into the matmuls
    # that are outside of the loop, and slow them down.
    columns = ops.concatenate([ops.transpose(kernel) for kernel in kernels], axis=1)
    return columns, ops.stop_gradient(ops.concatenate(kernels, axis=0)) if training else None


def run_lstm_window(inputs, read, hidden, cell, kernel, transposed_kernel, **held):
    """Computes Eqs. 5, 6 and 8 for all steps of a window.

    Within, sequences are columns: `(units, batch)`. For a small batch, a kernel times columns
    took three quarters of the time of rows times a kernel (TensorFlow on CPU), and the gates are
    contiguous. The automatic gradient multiplies by the transposed kernel and adds to the
    kernel's gradient at every step. Here the transpose is an argument, taken once for all
    windows, and the kernel's gradient is one matmul a window. Activations are tanh and sigmoid.

    Args:
        inputs: `(steps, batch, features)`.
        read: What is read from the memory, `(steps, batch, units)`; `None` for nothing.
        hidden: Hidden state before the window, `(batch, units)`.
        cell: Cell state before the window, `(batch, units)`.
        kernel: `(4 * units, features + 1 + units)`, from `lstm_kernels`.
        transposed_kernel: The same, transposed, for a faster gradient, or `None`. Gets none itself.
        held: Tensors or `None`, none of which gets a gradient: `hidden_kept` and `cell_kept`
            (zoneout), which broadcast to `(steps, batch, units)`, and `recurrent_mask` (dropout),
            `(batch, units)`.

    Returns:
        The hidden states, `(steps, batch, units)`, and the last hidden and cell state,
        `(batch, units)` each.
    """
    names = [name for name, value in held.items() if value is not None]
    extras = [_columns(held[name]) for name in names]
    if transposed_kernel is not None:
        names.append("transposed_kernel")
        extras.append(transposed_kernel)

    @ops.custom_gradient
    def run(inputs, read, hidden, cell, kernel, *extras):
        held = dict(zip(names, extras, strict=True))
        steps = _run_steps(inputs, read, hidden, cell, kernel, held)
        states = [step.hidden for step in steps] + [steps[-1].hidden, steps[-1].cell]
        # In training here, where it is less to keep; inference seldom asks for a gradient.
        slopes = _Slopes(steps) if transposed_kernel is not None else None

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            transposed = held.get("transposed_kernel")
            transposed = ops.transpose(kernel) if transposed is None else transposed
            gradients = _backpropagate(slopes or _Slopes(steps), transposed, held, upstream)
            return (*gradients, *[None] * len(extras))

        return ops.stack(states), gradient

    inputs = ops.pad(inputs, ((0, 0), (0, 0), (0, 1)), constant_values=1)
    arguments = [_columns(x) for x in (inputs, read, hidden, cell)]
    states = _columns(run(*arguments, kernel, *extras))
    hidden, last = ops.split(states, [inputs.shape[0]])
    return hidden, *ops.unstack(last)


class _Step:
    """One step, and what its gradient needs; all of it `(units, batch)`."""

    def __init__(self, inputs, read, hidden, cell, kernel, hidden_kept, cell_kept, mask):
        self.old_cell = cell
        hidden_inputs = hidden if mask is None else hidden * mask
        self.inputs = ops.concatenate([inputs, hidden_inputs], axis=0)
        gates = ops.matmul(kernel, self.inputs)
        # One sigmoid for all four is faster than three, and the candidate's is not used.
        self.gates = ops.sigmoid(gates)
        i, f, _, o = ops.split(self.gates, 4)
        self.candidate = ops.tanh(ops.split(gates, 4)[2])
        new_cell = f * cell + i * self.candidate + read
        self.squashed = ops.tanh(new_cell)
        self.hidden = hold(o * self.squashed, hidden, hidden_kept)
        self.cell = hold(new_cell, cell, cell_kept)


class _Slopes:
    """What the gradient needs of a window's steps: `(steps, ..., batch)`, all steps at once.

    A dozen operations a window in place of as many a step.

    Attributes:
        inputs: inputs, 1 and hidden state, which the kernel multiplied.
        cell: derivative of the new cell state by the old one.
        squashed: derivative of the hidden state by the new cell state.
        gates: derivatives by the gates before their activation, of the new cell state, and of the
            hidden state for the last one.
    """

    def __init__(self, steps):
        self.inputs = ops.stack([step.inputs for step in steps])
        old_cell = ops.stack([step.old_cell for step in steps])
        candidate = ops.stack([step.candidate for step in steps])
        squashed = ops.stack([step.squashed for step in steps])
        i, f, _, o = ops.split(ops.stack([step.gates for step in steps]), 4, axis=1)
        self.cell = f
        self.squashed = o * (1 - squashed * squashed)
        gates = [
            candidate * i * (1 - i),
            old_cell * f * (1 - f),
            i * (1 - candidate * candidate),
            squashed * o * (1 - o),
        ]
        self.gates = ops.concatenate(gates, axis=1)


def _run_steps(inputs, read, hidden, cell, kernel, held):
    steps = []
    for t, (x, r) in enumerate(zip(ops.unstack(inputs), ops.unstack(read), strict=True)):
        step = _Step(
            x,
            r,
            hidden,
            cell,
            kernel,
            _at(held, "hidden_kept", t),
            _at(held, "cell_kept", t),
            held.get("recurrent_mask"),
        )
        hidden, cell = step.hidden, step.cell
        steps.append(step)
    return steps


def _backpropagate(slopes, transposed_kernel, held, upstream):
    """The gradients of `inputs`, `read`, `hidden`, `cell` and `kernel`."""
    *upstream, d_hidden, d_cell = ops.unstack(upstream)
    features = transposed_kernel.shape[0] - d_hidden.shape[0]
    input_kernel, recurrent_kernel = ops.split(transposed_kernel, [features])
    by_step = [ops.unstack(x) for x in (slopes.cell, slopes.squashed, slopes.gates)]
    d_gates, d_read = [], []
    for t in reversed(range(len(upstream))):
        of_cell, of_squashed, of_gates = (x[t] for x in by_step)
        d_hidden, old_hidden = _through(d_hidden + upstream[t], _at(held, "hidden_kept", t))
        d_cell, old_cell = _through(d_cell, _at(held, "cell_kept", t))
        d_cell = d_cell + d_hidden * of_squashed
        step_gates = ops.concatenate([d_cell, d_cell, d_cell, d_hidden], axis=0) * of_gates
        d_read.append(d_cell)
        d_gates.append(step_gates)
        d_hidden = ops.matmul(recurrent_kernel, step_gates)
        d_cell = d_cell * of_cell
        if "recurrent_mask" in held:
            d_hidden = d_hidden * held["recurrent_mask"]
        d_hidden = d_hidden if old_hidden is None else d_hidden + old_hidden
        d_cell = d_cell if old_cell is None else d_cell + old_cell
    d_gates = ops.concatenate(d_gates[::-1], axis=1)
    d_inputs = ops.reshape(ops.matmul(input_kernel, d_gates), (features, len(d_read), -1))
    rows = _columns(slopes.inputs)
    d_kernel = ops.matmul(d_gates, ops.reshape(rows, (-1, rows.shape[-1])))
    d_inputs = ops.transpose(d_inputs, (1, 0, 2))
    return d_inputs, ops.stack(d_read[::-1]), d_hidden, d_cell, d_kernel


def _columns(x):
    return ops.swapaxes(x, -1, -2)


def _through(gradient, kept):
    """Splits a state's gradient into that of its new value and that of its old one."""
    if kept is None:
        return gradient, None
    return gradient * (1 - kept), gradient * kept


def _at(held, name, t):
    return held[name][t] if name in held else None

"""The LSTM's steps in one window, with a gradient that is faster than the automatic one."""

from keras import ops

from nrnm_keras.layers.zoneout import hold


def run_lstm_window(gate_inputs, read, hidden, cell, kernel, transposed_kernel, **held):
    """Computes Eqs. 5, 6 and 8 for all steps of a window.

    The automatic gradient multiplies by the transposed kernel and adds to the kernel's gradient
    at every step. Here the transpose is an argument, taken once for all windows, and the kernel's
    gradient is one matmul a window. Activations are tanh and sigmoid.

    Args:
        gate_inputs: What the inputs contribute to the gates i, f, c, o,
            `(steps, batch, 4 * units)`.
        read: What is read from the memory, `(steps, batch, units)`.
        hidden: Hidden state before the window, `(batch, units)`.
        cell: Cell state before the window, `(batch, units)`.
        kernel: Recurrent kernel, `(units, 4 * units)`.
        transposed_kernel: The same, transposed. Gets no gradient.
        held: Tensors or `None`, none of which gets a gradient: `hidden_kept` and `cell_kept`
            (zoneout), which broadcast to `(steps, batch, units)`, and `recurrent_mask` (dropout),
            `(batch, units)`.

    Returns:
        The hidden states, `(steps, batch, units)`, and the last hidden and cell state,
        `(batch, units)` each.
    """
    names = [name for name, value in held.items() if value is not None]

    @ops.custom_gradient
    def run(gate_inputs, read, hidden, cell, kernel, transposed_kernel, *extras):
        held = dict(zip(names, extras, strict=True))
        steps = _run_steps(gate_inputs, read, hidden, cell, kernel, held)
        states = [step.hidden for step in steps] + [steps[-1].hidden, steps[-1].cell]

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return (
                *_backpropagate(steps, transposed_kernel, held, upstream),
                *[None] * len(extras),
            )

        return ops.stack(states), gradient

    extras = [held[name] for name in names]
    states = run(gate_inputs, read, hidden, cell, kernel, transposed_kernel, *extras)
    hidden, last = ops.split(states, [gate_inputs.shape[0]])
    return hidden, *ops.unstack(last)


class _Step:
    """One step, and what its gradient needs."""

    def __init__(self, gate_inputs, read, hidden, cell, kernel, hidden_kept, cell_kept, mask):
        self.old_cell = cell
        self.recurrent_inputs = hidden if mask is None else hidden * mask
        gates = gate_inputs + ops.matmul(self.recurrent_inputs, kernel)
        # One sigmoid for all four is faster than three, and the candidate's is not used.
        self.gates = ops.sigmoid(gates)
        i, self.f, _, o = ops.split(self.gates, 4, axis=-1)
        units = hidden.shape[-1]
        self.candidate = ops.tanh(gates[:, 2 * units : 3 * units])
        new_cell = self.f * cell + i * self.candidate + read
        self.squashed = ops.tanh(new_cell)
        self.hidden = hold(o * self.squashed, hidden, hidden_kept)
        self.cell = hold(new_cell, cell, cell_kept)


def _run_steps(gate_inputs, read, hidden, cell, kernel, held):
    steps = []
    for t in range(gate_inputs.shape[0]):
        step = _Step(
            gate_inputs[t],
            read[t],
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


def _backpropagate(steps, transposed_kernel, held, upstream):
    """The gradients of `gate_inputs`, `read`, `hidden`, `cell`, `kernel`, `transposed_kernel`."""
    slopes, cell_slopes = _slopes(steps)
    d_hidden, d_cell = upstream[-2], upstream[-1]
    d_gates, d_read = [], []
    for t in reversed(range(len(steps))):
        d_hidden, old_hidden = _through(d_hidden + upstream[t], _at(held, "hidden_kept", t))
        d_cell, old_cell = _through(d_cell, _at(held, "cell_kept", t))
        d_cell = d_cell + d_hidden * cell_slopes[t]
        d_read.append(d_cell)
        d_gates.append(ops.concatenate([d_cell, d_cell, d_cell, d_hidden], axis=-1) * slopes[t])
        d_hidden = ops.matmul(d_gates[-1], transposed_kernel)
        d_cell = d_cell * steps[t].f
        if "recurrent_mask" in held:
            d_hidden = d_hidden * held["recurrent_mask"]
        d_hidden = d_hidden if old_hidden is None else d_hidden + old_hidden
        d_cell = d_cell if old_cell is None else d_cell + old_cell
    d_gates, d_read = ops.stack(d_gates[::-1]), ops.stack(d_read[::-1])
    recurrent_inputs = _flat(ops.stack([step.recurrent_inputs for step in steps]))
    d_kernel = ops.matmul(ops.transpose(recurrent_inputs), _flat(d_gates))
    return d_gates, d_read, d_hidden, d_cell, d_kernel, None


def _slopes(steps):
    """What the gradients of the gates, and of the cell by way of the output, are multiples of."""
    gates = ops.stack([step.gates for step in steps])
    old_cell, candidate, squashed = (
        ops.stack([getattr(step, name) for step in steps])
        for name in ("old_cell", "candidate", "squashed")
    )
    i, _, _, o = ops.split(gates, 4, axis=-1)
    di, df, _, do = ops.split(gates * (1 - gates), 4, axis=-1)
    slopes = [candidate * di, old_cell * df, i * (1 - candidate * candidate), squashed * do]
    return ops.concatenate(slopes, axis=-1), o * (1 - squashed * squashed)


def _flat(x):
    return ops.reshape(x, (-1, x.shape[-1]))


def _through(gradient, kept):
    """Splits a state's gradient into that of its new value and that of its old one."""
    if kept is None:
        return gradient, None
    return gradient * (1 - kept), gradient * kept


def _at(held, name, t):
    return held[name][t] if name in held else None

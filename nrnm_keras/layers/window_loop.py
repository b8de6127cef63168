"""The loop of `NRNM`: window by window, and all steps at once wherever the equations allow it."""

from collections import namedtuple

from keras import ops, random

from nrnm_keras.layers import step_counter
from nrnm_keras.layers.alignment import take_rows
from nrnm_keras.layers.nrnm_cell import NRNMState
from nrnm_keras.layers.zoneout import hold

# What a window leaves behind: the hidden states and carries of its steps
# `(window_size, batch, size)`, the memory `(batch, slots * units)`, the hidden states of the last
# block `(slots, batch, units)`, and the attention weights of its write.
Window = namedtuple("Window", "hidden carry memory slots attention")


class WindowLoop:
    """Runs an `NRNMCell` over a batch of sequences.

    Args:
        cell: The built `NRNMCell`.
        state: `NRNMState` before the first step.
        alignment: `Alignment` of the sequences; without phases, `state` is taken to be zero.
        training: Boolean, whether dropouts and zoneout act.
        unroll: Boolean, whether to do without a loop in the graph.
    """

    def __init__(self, cell, state, alignment, training=False, unroll=False):
        self.cell = cell
        self.state = state
        self.alignment = alignment
        self.training = training
        self.unroll = unroll
        self._slots_before = self._slots_from_block(cell.slots, cell.window_size // cell.stride)
        self.recurrent_mask = None
        if training and cell.recurrent_dropout:
            self.recurrent_mask = cell.get_recurrent_dropout_mask(state.hidden)

    def run(self, sequences):
        """Runs over `(batch, timesteps, features)`.

        Returns a `Window` of all windows, each of its tensors with one more axis in front, and the
        `NRNMState` after the last step of each sequence.
        """
        cell = self.cell
        inputs = self.alignment.align(sequences)
        if self.training and cell.dropout:
            inputs = inputs * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        steps = ops.transpose(inputs, (0, 2, 1, 3))
        embedded = cell.memory.embed(inputs)
        known = {
            "gate_inputs": cell.gate_inputs(steps),
            "read_gate_inputs": cell.memory.read_gate_inputs(steps),
            **self._write_inputs(embedded),
            **self._noise(),
        }
        windows = self._scan(known)
        return windows, self._final_state(windows, embedded)

    def _scan(self, known):
        """Goes from window to window; `known` is what is known of each before the loop."""
        window = self._before_first_window()
        if not self.unroll:

            def body(last, known):
                window = self._window(last, known)
                return window, window

            return ops.scan(body, window, known)[1]
        windows = []
        for i in range(self.alignment.num_windows):
            window = self._window(window, {name: x[i] for name, x in known.items()})
            windows.append(window)
        return Window(*(ops.stack(x) for x in zip(*windows, strict=True)))

    def _window(self, last, known):
        """The steps of one window, and its write."""
        memory = self.cell.memory
        read = memory.read(known["read_gate_inputs"], last.memory)
        hidden, carry = self._recur(last.hidden[-1], last.carry[-1], read, known)
        slots = self._slots_of(hidden, known.get("begun"))
        slots = ops.concatenate([last.slots, slots], axis=0)[-self.cell.slots :]
        written, attention = memory.write(
            last.memory,
            ops.transpose(slots, (1, 0, 2)),
            known["input_units"],
            known["write_gate_inputs"],
        )
        if "memory_kept" in known:
            written = written * known["memory_kept"]
        if "writes" in known:
            written = ops.where(known["writes"], written, last.memory)
        return Window(hidden, carry, written, slots, attention)

    def _recur(self, hidden, carry, read, known):
        """The steps of the backbone in one window."""
        hiddens, carries = [], []
        for i in range(self.cell.window_size):
            new_hidden, new_carry = self.cell.recur(
                known["gate_inputs"][i], read[i], hidden, carry, self.recurrent_mask
            )
            hidden = hold(new_hidden, hidden, _at_step(known, "hidden_kept", i))
            carry = hold(new_carry, carry, _at_step(known, "carry_kept", i))
            hiddens.append(hidden)
            carries.append(carry)
        return ops.stack(hiddens), ops.stack(carries)

    def _before_first_window(self):
        """The state in the form of a window."""
        cell, state = self.cell, self.state
        batch_size = self.alignment.batch_size
        repeat = (cell.window_size, batch_size)
        return Window(
            hidden=ops.broadcast_to(state.hidden, (*repeat, cell.units)),
            carry=ops.broadcast_to(state.carry, (*repeat, cell.recurrence.carry_size)),
            memory=state.memory,
            slots=self._slots_from_block(0, cell.slots),
            attention=ops.zeros((batch_size, *cell.memory.attention_shape), state.memory.dtype),
        )

    def _write_inputs(self, embedded):
        """What the inputs contribute to each window's write, `(windows, batch, ...)`."""
        cell, memory = self.cell, self.cell.memory
        known = {}
        if self.alignment.phases is None and cell.window_size >= cell.block_size:
            blocks = embedded[:, :, cell.window_size - cell.block_size :]
            units = memory.input_units(blocks)
        else:
            inputs = self._inputs_from_block(embedded)
            blocks = self._cut_blocks(inputs)
            # Blocks overlap where a window is shorter: project before cutting.
            units = self._cut_blocks(memory.input_units(inputs))
            known["writes"] = self._writes()
        size = cell.block_size * cell.units
        blocks = ops.reshape(blocks, (self.alignment.num_windows, -1, size))
        return {
            "input_units": units,
            "write_gate_inputs": memory.write_gate_inputs(blocks),
            **known,
        }

    def _inputs_from_block(self, embedded):
        """The embedded inputs from `block_size` places before the first window on.

        `(batch, block_size + length, units)`; places before a sequence goes on are its state's.
        """
        cell, alignment = self.cell, self.alignment
        block = ops.reshape(self.state.input_block, (-1, cell.block_size, cell.units))
        rows = alignment.to_rows(ops.transpose(embedded, (0, 2, 1, 3)))
        inputs = ops.concatenate([block, rows], axis=1)
        if alignment.phases is None:
            return inputs
        places = ops.arange(cell.block_size + alignment.length, dtype="int32")
        phases = ops.expand_dims(alignment.phases, 1)
        shifted = ops.maximum(places - phases, 0)
        return take_rows(inputs, ops.where(places < cell.block_size + phases, shifted, places))

    def _cut_blocks(self, inputs):
        """Cuts rows as `_inputs_from_block` returns them into the windows' blocks."""
        window_size, block_size = self.cell.window_size, self.cell.block_size
        ends = window_size * ops.arange(1, self.alignment.num_windows + 1, dtype="int32")
        places = ops.expand_dims(ends, 1) + ops.arange(block_size, dtype="int32")
        return ops.transpose(ops.take(inputs, places, axis=1), (1, 0, 2, 3))

    def _writes(self):
        """Whether a row's window ends with a write, `(windows, batch, 1)`."""
        cell, alignment = self.cell, self.alignment
        ends = cell.window_size * ops.arange(1, alignment.num_windows + 1, dtype="int32")
        begin = step_counter.to_steps(self.state.steps)
        if alignment.phases is not None:
            begin = begin - alignment.phases
        steps = cell.advance(begin, ops.expand_dims(ends, 1))
        return ops.expand_dims(cell.is_write(steps), -1)

    def _noise(self):
        """What zoneout and the steps before a sequence goes on keep; what dropout keeps."""
        cell, alignment = self.cell, self.alignment
        known = {}
        shape = (alignment.num_windows, cell.window_size, alignment.batch_size, cell.units)
        kept = cell.zoneout_fractions(shape, self.training, lambda number: cell.seed_generator)
        begun = alignment.has_begun()
        if begun is not None:
            known["begun"] = begun
        for name, fraction in zip(("hidden_kept", "carry_kept"), kept, strict=True):
            if isinstance(fraction, float):
                fraction = ops.full((*shape[:2], 1, 1), fraction, cell.compute_dtype)
            if begun is not None:
                old = ops.ones((), cell.compute_dtype)
                fraction = ops.where(begun, 0 * old if fraction is None else fraction, old)
            if fraction is not None:
                known[name] = fraction
        if self.training and cell.memory_dropout:
            ones = ops.ones((*shape[:1], *ops.shape(self.state.memory)), cell.compute_dtype)
            known["memory_kept"] = random.dropout(
                ones, cell.memory_dropout, seed=cell.seed_generator
            )
        return known

    def _slots_of(self, hidden, begun):
        """The hidden states that become slots: every stride-th of `(..., steps, batch, units)`."""
        every = slice(self.cell.stride - 1, None, self.cell.stride)
        slots = hidden[..., every, :, :]
        if begun is None:
            return slots
        return ops.where(begun[..., every, :, :], slots, self._slots_before)

    def _slots_from_block(self, first, count):
        """`count` slots `(count, batch, units)` of the state's block, from slot `first` on.

        Slots are counted such that those of the first window begin at `cell.slots`. What lies
        outside the block is never used.
        """
        cell, phases = self.cell, self.alignment.phases
        block = ops.reshape(self.state.hidden_block, (-1, cell.slots, cell.units))
        rows = first + ops.expand_dims(ops.arange(count, dtype="int32"), 0)
        taken = ops.zeros((self.alignment.batch_size,), "int32") if phases is None else phases
        rows = rows - ops.expand_dims(taken // cell.stride, 1)
        block = take_rows(block, ops.clip(rows, 0, cell.slots - 1))
        return ops.transpose(block, (1, 0, 2))

    def _final_state(self, windows, embedded):
        """The state after the last step of each sequence."""
        cell, state, alignment = self.cell, self.state, self.alignment
        ends = alignment.ends
        before = ops.transpose(self._slots_from_block(0, cell.slots), (1, 0, 2))
        slots = alignment.to_rows(self._slots_of(windows.hidden, alignment.has_begun()))
        slots = ops.concatenate([before, slots], axis=1)
        places = ops.expand_dims(ends // cell.stride, 1) + ops.arange(cell.slots, dtype="int32")
        hidden_block = take_rows(slots, places)
        places = ops.expand_dims(ends, 1) + ops.arange(cell.block_size, dtype="int32")
        input_block = take_rows(self._inputs_from_block(embedded), places)
        steps = cell.advance(step_counter.to_steps(state.steps), alignment.counts)
        return NRNMState(
            hidden=self._last(windows.hidden, ends, state.hidden),
            carry=self._last(windows.carry, ends, state.carry),
            memory=self._last(
                ops.expand_dims(windows.memory, 1), ends // cell.window_size, state.memory
            ),
            hidden_block=ops.reshape(hidden_block, ops.shape(state.hidden_block)),
            input_block=ops.reshape(input_block, ops.shape(state.input_block)),
            steps=step_counter.to_digits(steps, state.steps.dtype),
        )

    def _last(self, windows, places, initial):
        """What stands before `places` in `(windows, steps, batch, ...)`, or `initial` before 0."""
        batch_size = self.alignment.batch_size
        rows = ops.reshape(windows, (-1, windows.shape[-1]))
        indices = ops.maximum(places - 1, 0) * batch_size + ops.arange(batch_size, dtype="int32")
        return ops.where(ops.expand_dims(places > 0, 1), ops.take(rows, indices, axis=0), initial)


def _at_step(known, name, i):
    return known[name][i] if name in known else None

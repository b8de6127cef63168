"""The loop of `NRNM`: the steps of each window read the memory, and its end writes to it."""

from collections import namedtuple
from typing import Any

from keras import ops

from nrnm_keras.layers.nrnm import step_counter
from nrnm_keras.layers.nrnm.cell_window import CellWindow
from nrnm_keras.layers.nrnm.loop_kernel import values_of, with_values
from nrnm_keras.layers.nrnm.loops import loop
from nrnm_keras.layers.nrnm.lstm_window import LSTMWindow
from nrnm_keras.layers.nrnm.nrnm_cell import NRNMCell, NRNMState
from nrnm_keras.layers.nrnm.packing import Packing, take_rows
from nrnm_keras.layers.nrnm.recurrent_loop import RecurrentLoop, packed_inputs
from nrnm_keras.layers.nrnm.rows import reshape
from nrnm_keras.layers.nrnm.window_inputs import StepInputs, WindowInputs, WriteInputs
from nrnm_keras.typing import Tensor

# The state between two windows: the last hidden state and carry, the memory
# `(batch, slots * memory_units)`, and the hidden states that the next block shares with this one,
# slots first. Hidden states and carry have the layout of the `LSTMWindow` or `CellWindow`.
NRNMLoopState = namedtuple("NRNMLoopState", "hidden carry memory slots")


class NRNMLoop(RecurrentLoop):
    """Runs an `NRNMCell` over a batch of sequences.

    Args:
        cell: The built `NRNMCell`.
        state: `NRNMState` before the first step.
        packing: `Packing` of the sequences; without offsets, `state` is taken to be zero.
        training: Boolean, whether dropout and zoneout are active.
        unroll: Boolean, whether to unroll the loop in the graph.
        recompute: Boolean, as in `RecurrentLoop`.
        keep_state: Boolean, whether the state after the last step is needed.
    """

    def __init__(
        self,
        cell: NRNMCell,
        state: NRNMState,
        packing: Packing,
        training: bool = False,
        unroll: bool = False,
        recompute: bool = False,
        keep_state: bool = False,
    ) -> None:
        self.cell = cell
        self.state = state
        self.training = training
        recurrence = _recurrence(cell, state.hidden, training)
        super().__init__(
            recurrence,
            cell.window_size,
            packing,
            keep_state,
            unroll,
            recompute,
            self._zoneout_fractions,
        )
        # Blocks overlap if a window is shorter.
        self._shared_slots = max(0, cell.slots - cell.window_size // cell.stride)
        self._slots_before = None
        if packing.offsets is not None:
            slots_of_window = cell.window_size // cell.stride
            self._slots_before = self._slots_from_block(cell.slots, slots_of_window)
        # Preparing weights for gradients has a cost, which inference avoids.
        self._memory_weights = cell.memory.loop_weights() if training else None

    def run_sequences(self, sequences: Tensor) -> tuple[Tensor, Tensor, Any]:
        """Runs over `(batch, timesteps, features)`.

        Returns:
            The hidden states at all places, `(batch, length, units)`; the last hidden states; and
            the `NRNMState` after the last step of each sequence, `None` without `keep_state`.
        """
        inputs = self._pack(sequences)
        hidden, last = self.run(inputs, self._before_first_window())
        state = self._final_state(inputs, hidden, last) if self.keep_state else None
        return hidden, last.hidden, state

    def attention_weights(self, sequences: Tensor) -> Tensor:
        """Runs over sequences; returns the weights of each window's write, windows first.

        `(windows, batch, num_heads, slots, slots + block_size)`; zero where nothing is written.
        """
        inputs = self.window_inputs(self._pack(sequences))
        state = self.laid_out(self._before_first_window())
        weights = self.weights()

        def step(inputs, state):
            _, state, write = self._window(state, inputs, weights)
            return write.interaction.weights_by_head(), state

        return loop(step, inputs, state, unroll=True)[0]

    def window_inputs(self, inputs: Tensor) -> WindowInputs:
        """What the whole windows are given, windows first."""
        in_windows = self.in_windows(inputs)
        return WindowInputs(
            self.step_inputs(ops.transpose(in_windows, (1, 2, 0, 3))),
            self._write_inputs(ops.transpose(in_windows, (1, 0, 2, 3)), inputs),
        )

    def weights(self) -> Any:
        """The weights that the windows take."""
        memory = values_of(self._memory_weights) if self._memory_weights else None
        return {"recurrence": self.recurrence.weights(), "memory": memory}

    def window(self, state: Any, inputs: WindowInputs, weights: Any) -> tuple[Tensor, Any]:
        """Runs the steps of one window and its write, as `RecurrentLoop.window` does."""
        return self._window(state, inputs, weights)[:2]

    def end(self, state: Any, inputs: StepInputs, weights: Any) -> tuple[Tensor, Any]:
        """Runs the steps after the last whole window, which end without a write."""
        hiddens, _, hidden, carry = self._recur(state, inputs, weights)
        return hiddens, NRNMLoopState(hidden, carry, state.memory, state.slots)

    def _pack(self, sequences):
        return packed_inputs(self.cell, self.packing, sequences, self.training)

    def _zoneout_fractions(self, shape):
        seed = self.cell.seed_generator
        return self.cell.zoneout_fractions(
            (*shape, self.cell.units), self.training, lambda number: seed
        )

    def _window(self, window_state, inputs, weights):
        """Runs the steps of one window and its write.

        Returns the hidden states, steps first, the `NRNMLoopState` to the next window, and the
        `MemoryWrite`.
        """
        memory = self.cell.memory
        hidden, slots, *last = self._recur(window_state, inputs.steps, weights)
        if self._slots_before is not None:
            active = inputs.steps.active[self.cell.stride - 1 :: self.cell.stride]
            slots = ops.where(active, slots, self._slots_before)
        shared = window_state.slots
        if self._shared_slots:
            slots = ops.concatenate([shared, slots], axis=0)
            shared = slots[-self._shared_slots :]
        if slots.shape[0] > self.cell.slots:
            slots = slots[-self.cell.slots :]
        write = memory.write(
            window_state.memory,
            self.recurrence.by_sequence(slots),
            inputs.write.embedded,
            inputs.write.gate_inputs,
            self._of_memory(weights),
        )
        written = write.value
        if inputs.write.memory_mask is not None:
            written = written * inputs.write.memory_mask
        if inputs.write.happens is not None:
            written = ops.where(inputs.write.happens, written, window_state.memory)
        return hidden, NRNMLoopState(*last, written, shared), write

    def _recur(self, window_state, steps, weights):
        """Runs the steps of a window, which read the memory as it was before the window.

        Returns the same as `LSTMWindow.run`.
        """
        memory_weights = self._of_memory(weights)
        read = self.cell.memory.read(steps.inputs, window_state.memory, memory_weights)
        return self.recurrence.run(
            steps, read, window_state.hidden, window_state.carry, weights["recurrence"]
        )

    def _of_memory(self, weights):
        """The weights of the memory, made ready for gradients if there will be any."""
        if self._memory_weights is None:
            return None
        return with_values(self._memory_weights, weights["memory"])

    def _before_first_window(self):
        """The state before the first window, with hidden state and carry as rows."""
        state, shared = self.state, self._shared_slots
        slots = self._slots_from_block(self.cell.slots - shared, shared) if shared else ()
        return NRNMLoopState(state.hidden, state.carry, state.memory, slots)

    def _write_inputs(self, by_window, inputs):
        """The `WriteInputs` of the windows, windows first.

        `by_window` are the inputs of the windows, `(windows, batch, window_size, features)`.
        """
        cell, memory, packing = self.cell, self.cell.memory, self.packing
        happens = memory_mask = None
        if packing.offsets is None and cell.window_size >= cell.block_size:
            embedded = memory.embed(by_window[:, :, cell.window_size - cell.block_size :])
        else:
            embedded = self._cut_blocks(self._embedded_from_block(inputs))
        if self.is_active is not None or cell.window_size < cell.block_size:
            happens = self._writes()
        flat = (packing.num_windows, packing.batch_size, cell.block_size * cell.memory_units)
        gate_inputs = memory.write_gate_inputs(reshape(embedded, flat))
        if self.training and cell.memory_dropout:
            shape = (packing.num_windows, *ops.shape(self.state.memory))
            memory_mask = cell.memory_mask(shape, cell.seed_generator)
        return WriteInputs(embedded, gate_inputs, happens, memory_mask)

    def _embedded_from_block(self, inputs):
        """The embedded inputs, starting `block_size` places before the first window.

        Shape `(batch, block_size + length, memory_units)`. Places before a sequence come from its
        state.
        """
        cell, packing = self.cell, self.packing
        block = ops.reshape(self.state.input_block, (-1, cell.block_size, cell.memory_units))
        embedded = ops.concatenate([block, cell.memory.embed(inputs)], axis=1)
        if packing.offsets is None:
            return embedded
        places = ops.arange(cell.block_size + packing.length, dtype="int32")
        return take_rows(embedded, _skip(places, cell.block_size, packing.offsets))

    def _cut_blocks(self, rows):
        """Cuts rows from `_embedded_from_block` into the windows' blocks."""
        cell, packing = self.cell, self.packing
        places = ops.expand_dims(self._ends(), 1) + ops.arange(cell.block_size, dtype="int32")
        blocks = take_rows(rows, ops.reshape(places, (1, -1)))
        shape = (packing.batch_size, packing.num_windows, cell.block_size, cell.memory_units)
        return ops.transpose(ops.reshape(blocks, shape), (1, 0, 2, 3))

    def _writes(self):
        """Whether a row's window ends with a write, `(windows, batch, 1)`."""
        packing = self.packing
        before = step_counter.to_steps(self.state.steps)
        if packing.offsets is not None:
            before = before - packing.offsets
        ends = ops.expand_dims(self._ends(), 1)
        is_write = self.cell.is_write(self.cell.advance(before, ends))
        return ops.expand_dims(ops.logical_and(is_write, ends <= packing.ends), -1)

    def _ends(self):
        """The place after each window, `(windows,)`."""
        windows = ops.arange(1, self.packing.num_windows + 1, dtype="int32")
        return self.cell.window_size * windows

    def _slots_from_block(self, first, count):
        """`count` slots of the state's block, starting at `first`; slots first, laid out.

        The slots of the first window start at the index `cell.slots`. Slots outside the block are
        never used.
        """
        cell = self.cell
        block = ops.reshape(self.state.hidden_block, (-1, cell.slots, cell.units))
        if self.packing.offsets is not None:
            taken = ops.expand_dims(self.packing.offsets // cell.stride, 1)
            rows = first + ops.arange(count, dtype="int32") - taken
            slots = take_rows(block, ops.clip(rows, 0, cell.slots - 1))
        else:
            slots = block[:, first : first + count]
        return self.recurrence.lay_out(ops.transpose(slots, (1, 0, 2)))

    def _final_state(self, inputs, hidden, window_state):
        """The state after the last step of each sequence."""
        cell, state, packing = self.cell, self.state, self.packing
        embedded = self._embedded_from_block(inputs)
        input_block = take_rows(embedded, _rows_from(packing.ends, cell.block_size))
        steps = cell.advance(step_counter.to_steps(state.steps), packing.counts)
        return NRNMState(
            window_state.hidden,
            window_state.carry,
            window_state.memory,
            self._final_slots(hidden),
            ops.reshape(input_block, ops.shape(state.input_block)),
            step_counter.to_digits(steps, state.steps.dtype),
        )

    def _final_slots(self, hidden):
        """The last slots of each sequence, `(batch, slots * units)`."""
        cell, packing = self.cell, self.packing
        block = ops.reshape(self.state.hidden_block, (-1, cell.slots, cell.units))
        slots = hidden[:, cell.stride - 1 :: cell.stride]
        places = _rows_from(packing.ends // cell.stride, cell.slots)
        if packing.offsets is not None:
            places = _skip(places, cell.slots, packing.offsets // cell.stride)
        slots = take_rows(ops.concatenate([block, slots], axis=1), places)
        return ops.reshape(slots, ops.shape(self.state.hidden_block))


def _recurrence(cell, hidden, training):
    """What runs the steps of a window."""
    mask = None
    if training and cell.recurrent_dropout:
        mask = cell.get_recurrent_dropout_mask(hidden)
    if cell.backbone == "lstm" and LSTMWindow.fits(cell):
        return LSTMWindow(cell, mask, cell.stride, hidden, training)
    return CellWindow(cell, mask, cell.stride)


def _rows_from(first, count):
    """Indices `(batch, count)` of `count` rows of each sequence, starting at `first` `(batch,)`."""
    return ops.expand_dims(first, 1) + ops.arange(count, dtype="int32")


def _skip(places, size, taken):
    """Indices into a block of `size` rows followed by the rows of a packed sequence.

    The first `taken` places of the packed sequence are before its first step. Indices up to there
    are shifted so that the last rows of the block come directly before the first step.
    """
    taken = ops.expand_dims(taken, 1)
    return ops.where(places < size + taken, ops.maximum(places - taken, 0), places)

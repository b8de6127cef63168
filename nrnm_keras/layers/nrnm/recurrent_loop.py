"""The loop of a recurrent layer over windows. Within a window, steps are computed together."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from nrnm_keras.layers.nrnm.cell_window import CellWindow
from nrnm_keras.layers.nrnm.loops import loop
from nrnm_keras.layers.nrnm.packing import Packing
from nrnm_keras.layers.nrnm.rows import reshape
from nrnm_keras.layers.nrnm.window_inputs import StepInputs
from nrnm_keras.typing import Tensor

# The state between two windows, in the layout of the `CellWindow`.
LoopState = namedtuple("LoopState", "hidden carry")


def packed_inputs(cell: Any, packing: Packing, sequences: Tensor, drops: bool) -> Tensor:
    """Packs sequences, and applies a cell's input dropout if `drops`, by one mask for all steps."""
    inputs = packing.pack(sequences)
    if drops and cell.dropout:
        inputs = inputs * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
    return inputs


class RecurrentLoop:
    """Runs a recurrent layer over a batch of sequences, window by window.

    Args:
        recurrence: `CellWindow` or `LSTMWindow`, which runs the steps of a window.
        window_size: Positive integer, the number of steps of a window.
        packing: `Packing` of the sequences into windows of that size.
        keep_state: Boolean, whether the state after the last step is needed.
        unroll: Boolean, whether to unroll the loop in the graph.
        recompute: Boolean, whether the backward pass computes each window again from the state
            before it, and so needs less memory.
        zoneout: Function of a shape, which returns the `kept_fraction` of the hidden state and of
            the carry, or `None`.
    """

    def __init__(
        self,
        recurrence: CellWindow,
        window_size: int,
        packing: Packing,
        keep_state: bool = False,
        unroll: bool = False,
        recompute: bool = False,
        zoneout: Callable[[Any], tuple] | None = None,
    ) -> None:
        self.recurrence = recurrence
        self.window_size = window_size
        self.packing = packing
        self.keep_state = keep_state
        self.unroll = unroll
        self.recompute = recompute
        self._zoneout = zoneout
        # Whether places without a step must be prevented from changing the state.
        holds = packing.offsets is not None or (keep_state and not packing.ends_together)
        self.is_active = packing.is_active() if holds else None

    def run(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Runs over packed inputs, `(batch, length, features)`.

        Returns:
            The hidden states at all places, `(batch, length, units)`, and the last state, whose
            `hidden` and `carry` are rows.
        """
        packing, recurrence = self.packing, self.recurrence
        units = state.hidden.shape[-1]
        state = self.laid_out(state)
        hidden = []
        if packing.has_windows:
            in_windows, state = self._run_windows(self.window_inputs(inputs), state)
            hidden.append(self._by_step(in_windows))
        if packing.tail:
            tail, state = self._run_tail(inputs, state)
            hidden.append(tail)
        if not hidden:
            no_steps = ops.zeros((0, packing.batch_size, units), inputs.dtype)
            hidden.append(recurrence.lay_out(no_steps))
        hidden = hidden[0] if len(hidden) == 1 else ops.concatenate(hidden, axis=0)
        state = state._replace(
            hidden=recurrence.rows(state.hidden), carry=recurrence.rows(state.carry)
        )
        return recurrence.by_sequence(hidden), state

    def laid_out(self, state: Any) -> Any:
        """Turns a state whose `hidden` and `carry` are rows into the layout of the windows."""
        lay_out = self.recurrence.lay_out
        return state._replace(hidden=lay_out(state.hidden), carry=lay_out(state.carry))

    def window_inputs(self, inputs: Tensor) -> Any:
        """What the whole windows are given, windows first."""
        return self.step_inputs(ops.transpose(self.in_windows(inputs), (1, 2, 0, 3)))

    def in_windows(self, inputs: Tensor) -> Tensor:
        """The inputs of the whole windows, `(batch, windows, window_size, features)`."""
        packing = self.packing
        return reshape(
            inputs[:, : packing.places_in_windows],
            (packing.batch_size, packing.num_windows, self.window_size, inputs.shape[-1]),
        )

    def step_inputs(self, inputs: Tensor) -> StepInputs:
        """The `StepInputs` of steps `(..., batch, features)`.

        The inputs are projected within the loop, one window at a time. Projecting them for all
        windows at once is the same work, but the results, many times as large as the inputs, would
        be written to the loop's arrays and read again, which is slower.
        """
        lay_out = self.recurrence.lay_out
        places = inputs.shape[:-2]
        if None in tuple(places):
            places = ops.shape(inputs)[:-2]
        active = self.is_active
        if active is not None:
            active = ops.reshape(active, (*places, self.packing.batch_size, 1))

        def kept(fraction):
            if isinstance(fraction, float):
                fraction = ops.full((*places, 1, 1), fraction, inputs.dtype)
            if active is not None:
                one = ops.ones((), inputs.dtype)
                fraction = ops.where(active, 0 * one if fraction is None else fraction, one)
            return None if fraction is None else lay_out(fraction)

        rates = self._zoneout((*places, self.packing.batch_size)) if self._zoneout else (None, None)
        return StepInputs(inputs, None if active is None else lay_out(active), *map(kept, rates))

    def weights(self) -> Any:
        """The weights that the windows take. Explicit, because `keras.remat` needs them."""
        return self.recurrence.weights()

    def window(self, state: Any, inputs: Any, weights: Any) -> tuple[Tensor, Any]:
        """Runs one window, with what `window_inputs` has for it and with `weights()`.

        Returns:
            The hidden states, steps first, and the state before the next window.
        """
        steps = self.recurrence.run(inputs, None, state.hidden, state.carry, weights)
        hiddens, _, hidden, carry = steps
        return hiddens, LoopState(hidden, carry)

    def end(self, state: Any, inputs: StepInputs, weights: Any) -> tuple[Tensor, Any]:
        """Runs the steps after the last whole window; returns the same as `window`."""
        return self.window(state, inputs, weights)

    def _run_windows(self, inputs, state):
        """Returns the hidden states, windows first, and the last state."""
        window = self._window_again if self.recompute else self.window
        weights = self.weights()

        def step(inputs, state):
            return window(state, inputs, weights)

        return loop(step, inputs, state, (self.window_size, *state.hidden.shape), self.unroll)

    def _window_again(self, state, inputs, weights):
        """`window`, which the backward pass computes again.

        TensorFlow needs all tensors with a gradient as arguments, variables included, and takes no
        Booleans and no `None`.
        """
        if keras.backend.backend() != "tensorflow":
            return keras.remat(self.window)(state, inputs, weights)
        variables, leaves = self.recurrence.variables(), tree.flatten(inputs)
        arguments = {
            str(place): x for place, x in enumerate(leaves) if x is not None and x.dtype != "bool"
        }

        def window(state, arguments, weights, values):
            again = [arguments.get(str(place), x) for place, x in enumerate(leaves)]
            with keras.StatelessScope(list(zip(variables, values, strict=True))):
                return self.window(state, tree.pack_sequence_as(inputs, again), weights)

        values = [ops.cast(v, v.dtype) for v in variables]
        return keras.remat(window)(state, arguments, weights, values)

    def _run_tail(self, inputs, state):
        inputs = inputs[:, self.packing.places_in_windows :]
        steps = self.step_inputs(ops.transpose(inputs, (1, 0, 2)))
        return self.end(state, steps, self.weights())

    def _by_step(self, hidden):
        """Joins the hidden states of windows: from windows first to steps first."""
        batch_size = self.packing.batch_size
        rest = [batch_size if size is None else size for size in hidden.shape[2:]]
        return reshape(hidden, (self.packing.places_in_windows, *rest))

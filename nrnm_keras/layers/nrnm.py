"""NRNM: a whole sequence through a recurrent network with a non-local memory."""

import inspect

import keras
from keras import layers, ops, tree

from nrnm_keras.layers import step_counter
from nrnm_keras.layers.alignment import Alignment
from nrnm_keras.layers.nrnm_cell import NRNMCell
from nrnm_keras.layers.window_loop import WindowLoop

_CELL_ARGUMENTS = set(inspect.signature(NRNMCell).parameters) - {"kwargs"}


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NRNM(layers.RNN):
    """Non-local Recurrent Neural Memory - Fu et al., ICCV 2019."""

    def __init__(
        self,
        units,
        block_size=8,
        stride=4,
        window_size=None,
        num_heads=4,
        backbone="lstm",
        interaction="self_attention",
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        cell_kwargs = {name: kwargs.pop(name) for name in _CELL_ARGUMENTS & set(kwargs)}
        cell = NRNMCell(
            units,
            block_size,
            stride,
            window_size,
            num_heads,
            backbone,
            interaction,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="nrnm_cell",
            **cell_kwargs,
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            **kwargs,
        )
        self.input_spec = layers.InputSpec(ndim=3)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        # `inner_loop` gets zeros in place of a missing state, and is faster when it knows.
        self._starts_at_zero = initial_state is None and not self.stateful
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Runs the cell over all steps, window by window."""
        mask = None if mask is None else ops.cast(tree.flatten(mask)[0], "bool")
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        state = self.cell.unpack_states(initial_state)
        phases = None
        if not self._starts_at_zero:
            phases = step_counter.to_steps(state.steps) % self.cell.window_size
        alignment = Alignment(sequences, self.cell.window_size, mask, phases)
        keep_state = self.return_state or self.stateful
        loop = WindowLoop(self.cell, state, alignment, training, self.unroll, keep_state)
        result = loop.run(sequences)
        outputs = alignment.restore(result.hidden, self.zero_output_for_mask)
        last_output = result.last_hidden if alignment.ends_together else outputs[:, -1]
        states = self.cell.pack_states(result.state) if keep_state else initial_state
        return last_output, outputs, states

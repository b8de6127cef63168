"""LSTM: `keras.layers.LSTM`, with a faster loop on CPU."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from nrnm_keras.layers.nrnm.lstm_window import LSTMWindow
from nrnm_keras.layers.nrnm.packing import Packing, in_order
from nrnm_keras.layers.nrnm.recurrent_loop import LoopState, RecurrentLoop
from nrnm_keras.typing import Tensor

# Longer windows are a little faster, but more of a short batch would be padding.
_WINDOW_SIZE = 10


@keras.saving.register_keras_serializable(package="nrnm_keras")
class LSTM(layers.LSTM):
    """`keras.layers.LSTM` whose loop runs window by window, like that of `NRNM`.

    Arguments, weights and results are those of `keras.layers.LSTM`, and each can load the weights
    of the other. On CPU with TensorFlow, most of a window is computed at once, with a gradient that
    is written by hand. On GPUs, on other backends, for other activations, and in training with
    recurrent dropout, it runs what `keras.layers.LSTM` runs, cuDNN included.

    Example:

    >>> LSTM(32, return_sequences=True)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])

    Args:
        *args, **kwargs: Those of `keras.layers.LSTM`.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        initial_state: List of the hidden state and the cell state, `(batch, units)` each.
        mask: Boolean `(batch, timesteps)`, `False` for steps to ignore.
        training: Boolean, whether dropout is active.

    Reference: Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9, 1997.
    """

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor],
        mask: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        """Runs the cell over all steps; returns last output, outputs and last states."""
        if not self._runs_in_windows(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        cell = self.cell
        sequences, mask = in_order(sequences, mask, self.go_backwards)
        hidden, carry = initial_state
        packing = Packing(sequences, _WINDOW_SIZE, mask)
        inputs = packing.pack(sequences)
        if training and cell.dropout:
            inputs = inputs * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        window = LSTMWindow(cell, None, None, hidden, training)
        keep_state = self.return_state or self.stateful
        loop = RecurrentLoop(window, _WINDOW_SIZE, packing, keep_state, self.unroll)
        hidden, last = loop.run(inputs, LoopState(hidden, carry))
        outputs = packing.unpack(hidden, self.zero_output_for_mask)
        last_output = last.hidden if packing.ends_together else outputs[:, -1]
        return last_output, outputs, list(last)

    def _runs_in_windows(self, training):
        # With recurrent dropout, Keras draws a mask for each gate.
        if (training and self.recurrent_dropout) or not LSTMWindow.fits(self.cell):
            return False
        if self.use_cudnn is True:
            return False
        import tensorflow as tf

        return not tf.config.list_physical_devices("GPU")

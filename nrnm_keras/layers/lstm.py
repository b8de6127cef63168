"""LSTM: `keras.layers.LSTM`, with a faster loop on CPU, and zoneout."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from nrnm_keras.layers.constructor_arguments import argument_names
from nrnm_keras.layers.keras_cell_window import KerasCellWindow
from nrnm_keras.layers.nrnm.lstm_window import LSTMWindow
from nrnm_keras.layers.nrnm.packing import Packing, in_order
from nrnm_keras.layers.nrnm.recurrent_loop import LoopState, RecurrentLoop, packed_inputs
from nrnm_keras.layers.zoneout import hold, kept_fraction
from nrnm_keras.typing import Config, Identifier, Tensor

# Longer windows are a little faster, but more of a short batch would be padding.
_WINDOW_SIZE = 10
_OF_KERAS = argument_names(layers.LSTM)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class LSTM(layers.LSTM):
    """`keras.layers.LSTM` whose loop runs window by window, like that of `NRNM`.

    Arguments, weights and results are those of `keras.layers.LSTM`, and each can load the weights
    of the other. On CPU with TensorFlow, most of a window is computed at once, with a gradient that
    is written by hand. On GPUs, on other backends, for other activations, and in training with
    recurrent dropout, it runs what `keras.layers.LSTM` runs, cuDNN included; with zoneout, which
    Keras does not have, it runs the cell step by step.

    Example:

    >>> LSTM(32, return_sequences=True)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])

    Args:
        units, ..., use_cudnn: Those of `keras.layers.LSTM`.
        zoneout: Float in [0, 1), the probability that a unit of the hidden state or of the cell
            state keeps its old value at a step in training; at inference, the expectation is
            taken (Krueger et al., Zoneout, ICLR 2017, section 3.1).
        **kwargs: `zero_output_for_mask`, `name` and `dtype`, as in `keras.layers.LSTM`.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        initial_state: List of the hidden state and the cell state, `(batch, units)` each.
        mask: Boolean `(batch, timesteps)`, `False` for steps to ignore.
        training: Boolean, whether dropout and zoneout are active.

    Raises:
        ValueError: if `zoneout` is not in [0, 1).

    Reference: Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9, 1997.
    """

    def __init__(
        self,
        units: int,
        activation: Identifier = "tanh",
        recurrent_activation: Identifier = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        zoneout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        super().__init__(**{name: arguments[name] for name in _OF_KERAS}, **kwargs)
        if not 0 <= zoneout < 1:
            raise ValueError(f"Argument `zoneout` must be in [0, 1). Received: zoneout={zoneout!r}")
        self.zoneout = zoneout

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor],
        mask: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        """Runs the cell over all steps; returns last output, outputs and last states."""
        if not self.zoneout and not self._has_fast_windows(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        sequences, mask = in_order(sequences, mask, self.go_backwards)
        hidden, carry = initial_state
        packing = Packing(sequences, _WINDOW_SIZE, mask)
        window = self._window(hidden, training)
        # The cell of a `KerasCellWindow` applies its dropout itself.
        drops = training and isinstance(window, LSTMWindow)
        inputs = packed_inputs(self.cell, packing, sequences, drops)
        keep_state = self.return_state or self.stateful

        def zoneout(places):
            shape, seed = (*places, self.units), self.cell.seed_generator
            return tuple(
                kept_fraction(self.zoneout, shape, self.compute_dtype, training, lambda: seed)
                for _ in range(2)
            )

        loop = RecurrentLoop(
            window, _WINDOW_SIZE, packing, keep_state, self.unroll, zoneout=zoneout
        )
        hidden, last = loop.run(inputs, LoopState(hidden, carry))
        outputs = packing.unpack(hidden, self.zero_output_for_mask)
        last_output = last.hidden if packing.ends_together else outputs[:, -1]
        return last_output, outputs, list(last)

    def step(self, inputs: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Computes one step at inference, as the cell does, and with zoneout, which it has not.

        Args:
            inputs: `(batch, features)`.
            states: the hidden state and the cell state, `(batch, units)` each.

        Returns:
            The new hidden state, and the list of the new states.
        """
        _, new = self.cell(inputs, states, training=False)
        kept = self.zoneout or None
        held = [hold(each, old, kept) for each, old in zip(new, states, strict=True)]
        return held[0], held

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "use_cudnn": self.use_cudnn, "zoneout": self.zoneout}

    def _window(self, hidden, training):
        """What runs the steps of a window."""
        if self._has_fast_windows(training):
            return LSTMWindow(self.cell, None, None, hidden, training)
        return KerasCellWindow(self.cell, training)

    def _has_fast_windows(self, training):
        # With recurrent dropout, Keras draws a mask for each gate.
        if (training and self.recurrent_dropout) or not LSTMWindow.fits(self.cell):
            return False
        if self.zoneout:  # on GPUs, too, as cuDNN has none
            return True
        if self.use_cudnn is True:
            return False
        import tensorflow as tf

        return not tf.config.list_physical_devices("GPU")

"""ChronoInitializer: biases of gates that forget over many time scales."""

from typing import Any

import keras
from keras import initializers, ops

from nrnm_keras.typing import Config, Shape, Tensor

# Gates in the order of Keras's kernels: LSTM input, forget, cell, output; GRU update, reset, new.
_NUM_GATES = {"lstm": 4, "gru": 3}


@keras.saving.register_keras_serializable(package="nrnm_keras")
class ChronoInitializer(initializers.Initializer):
    """Initial biases of an LSTM or a GRU whose units remember for 2 to `longest` steps.

    A unit whose forget gate has the bias `log(u - 1)` remembers for about `u` steps. `u - 1` is
    drawn uniformly from 1 to `longest - 1`. The input gate of an LSTM gets the negative bias; the
    update gate of a GRU is both. All other biases are zero.

    Reference: Tallec & Ollivier, Can Recurrent Neural Networks Warp Time?, ICLR 2018, section 2.

    Args:
        longest: Integer of at least 3, the longest dependency in steps.
        recurrence: `"lstm"` (with `unit_forget_bias=False`) or `"gru"`.
        seed: Integer, the seed of the draw.

    Call arguments:
        shape: Of the bias, `(gates * units,)`; `(2, gates * units)` for a GRU with `reset_after`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> chrono = ChronoInitializer(784)
    >>> layer = keras.layers.LSTM(32, bias_initializer=chrono, unit_forget_bias=False)
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 32])
    """

    def __init__(self, longest: int, recurrence: str = "lstm", seed: int | None = None) -> None:
        if longest < 3:
            raise ValueError(f"Argument `longest` must be at least 3. Received: longest={longest}")
        if recurrence not in _NUM_GATES:
            raise ValueError(
                f"Argument `recurrence` must be one of {tuple(_NUM_GATES)}. "
                f"Received: recurrence={recurrence!r}"
            )
        self.longest = longest
        self.recurrence = recurrence
        self._uniform = initializers.RandomUniform(1.0, longest - 1.0, seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        """Returns the biases."""
        units = shape[-1] // _NUM_GATES[self.recurrence]
        bias = ops.log(self._uniform((units,), dtype=dtype))
        zeros = ops.zeros((2 * units,), bias.dtype)
        if self.recurrence == "lstm":
            return ops.concatenate([-bias, bias, zeros])
        bias = ops.concatenate([bias, zeros])
        return bias if len(shape) == 1 else ops.stack([bias, ops.zeros_like(bias)])

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            "longest": self.longest,
            "recurrence": self.recurrence,
            "seed": self._uniform.get_config()["seed"],
        }

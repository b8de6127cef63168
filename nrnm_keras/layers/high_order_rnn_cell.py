"""HighOrderRNNCell: a simple RNN over the last few hidden states."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.layers.constructor_arguments import argument_names
from nrnm_keras.typing import Config, Identifier, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class HighOrderRNNCell(layers.SimpleRNNCell):
    """One step of a high-order RNN: h_t = tanh(W x_t + U [h_{t-1}; ...; h_{t-order}] + b).

    Gradients flow back `order` steps at once. With `order=1` this is `SimpleRNNCell`.

    Args:
        units: Positive integer, the size of the hidden state.
        activation, ..., seed: As in `keras.layers.SimpleRNNCell`, in the same order. One mask of
            `recurrent_dropout` covers all hidden states that enter a step.
        order: Positive integer, the number of hidden states that enter a step.

    Call arguments:
        inputs: `(batch, features)`.
        states: The last hidden state `(batch, units)`, and with `order > 1` those before it, the
            newest first, `(batch, (order - 1) * units)`.
        training: Boolean, whether dropout is active.

    Returns:
        The new hidden state `(batch, units)`, and the list of the new states.

    Raises:
        ValueError: if `order` is not positive.

    Reference: Soltani & Jiang, Higher Order Recurrent Neural Networks, 2016, Eq. 5.

    Example:

    >>> layer = keras.layers.RNN(HighOrderRNNCell(32, order=3))
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 32])
    """

    def __init__(
        self,
        units: int,
        activation: Identifier = "tanh",
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        order: int = 3,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        if order < 1:
            raise ValueError(f"Argument `order` must be at least 1. Received: order={order!r}")
        super().__init__(**{name: arguments[name] for name in _OF_SIMPLE_RNN}, **kwargs)
        self.order = order
        self.state_size = [units, (order - 1) * units] if order > 1 else [units]

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""

        def add(name, kind, *shape):
            settings = ("initializer", "regularizer", "constraint")
            options = {each: getattr(self, f"{kind}_{each}") for each in settings}
            return self.add_weight(name=name, shape=(*shape, self.units), **options)

        self.kernel = add("kernel", "kernel", input_shape[-1])
        self.recurrent_kernel = add("recurrent_kernel", "recurrent", self.order * self.units)
        self.bias = add("bias", "bias") if self.use_bias else None

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        hidden = ops.concatenate(states, axis=-1)
        output, _ = super().call(inputs, [hidden], training=training)
        output = ops.cast(output, hidden.dtype)  # Keras's tanh on JAX is float32 in float64, too
        older = [hidden[:, : -self.units]] if self.order > 1 else []
        return output, [output, *older]

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Returns the states before the first step: zeros."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def get_recurrent_dropout_mask(self, step_state: Tensor) -> Tensor | None:
        """Draws one mask over all hidden states that enter a step."""
        return super().get_recurrent_dropout_mask(
            ops.tile(step_state[:, : self.units], (1, self.order))
        )

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "order": self.order}


_OF_SIMPLE_RNN = argument_names(HighOrderRNNCell)[:-1]

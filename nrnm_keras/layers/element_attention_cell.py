"""ElementAttentionCell: element-wise attention on the input of any recurrent cell."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from nrnm_keras.layers.cell_wrapper import CellWrapper
from nrnm_keras.layers.constructor_arguments import argument_names, set_attributes, to_config
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Config, Identifier, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class ElementAttentionCell(CellWrapper):
    """Weighs each element of a cell's input by a gate (EleAttG).

    a_t = sigmoid(W_xa x_t + W_ha h_{t-1} + b_a), and the input of the cell is a_t * x_t instead of
    x_t. With `SimpleRNNCell`, `GRUCell` and `LSTMCell` this is EleAtt-RNN, EleAtt-GRU and
    EleAtt-LSTM.

    Args:
        cell: A recurrent cell whose first state is its output.
        kernel_initializer: Initializer of W_xa.
        recurrent_initializer: Initializer of W_ha.
        bias_initializer: Initializer of b_a.

    Call arguments:
        inputs: `(batch, features)`.
        states: States of the wrapped cell.
        training: Boolean, whether dropout of the cell is active.

    Returns:
        The cell's output, and the list of its new states.

    Reference: Zhang et al., Adding Attentiveness to the Neurons in Recurrent Neural Networks,
    ECCV 2018, Eqs. 1 and 2; EleAtt-RNN, IEEE TIP 2019.

    Example:

    >>> layer = keras.layers.RNN(ElementAttentionCell(keras.layers.GRUCell(32)))
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 32])
    """

    def __init__(
        self,
        cell: keras.Layer,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        super().__init__(cell, **kwargs)
        set_attributes(self, arguments, _INITIALIZERS)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        features = input_shape[-1]
        self.attention_kernel = self.add_weight(
            name="attention_kernel",
            shape=(features, features),
            initializer=self.kernel_initializer,
        )
        self.attention_recurrent_kernel = self.add_weight(
            name="attention_recurrent_kernel",
            shape=(self.state_size[0], features),
            initializer=self.recurrent_initializer,
        )
        self.attention_bias = self.add_weight(
            name="attention_bias", shape=(features,), initializer=self.bias_initializer
        )
        super().build(input_shape)

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step (Eqs. 1 and 2)."""
        attention = ops.sigmoid(
            matmul(inputs, self.attention_kernel)
            + matmul(states[0], self.attention_recurrent_kernel)
            + self.attention_bias
        )
        output, states = self.cell(attention * inputs, states, training=training)
        return output, list(states)

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), **to_config(self, _INITIALIZERS)}


_INITIALIZERS = argument_names(ElementAttentionCell)[1:]

"""The steps of one window, computed one by one by a recurrent cell of Keras."""

import keras

from nrnm_keras.layers.nrnm.cell_window import CellWindow


class KerasCellWindow(CellWindow):
    """Runs a recurrent cell of Keras with two states, a hidden state and a carry.

    Args:
        cell: The built cell, which applies its dropouts itself.
        training: Boolean, whether they are active.
    """

    def __init__(self, cell: keras.Layer, training: bool) -> None:
        super().__init__(cell, None, None)
        self._training = training

    def _prepare(self, inputs):
        return inputs

    def _recur(self, inputs, read, hidden, carry):
        _, states = self._cell(inputs, [hidden, carry], training=self._training)
        return states

"""CellWrapper: base class of cells that wrap another cell."""

from typing import Any, Self

import keras
from keras import layers, tree

from nrnm_keras.layers.private_keras import DropoutRNNCell
from nrnm_keras.typing import Config, Shape, Tensor


class CellWrapper(layers.Layer, DropoutRNNCell):
    """Base class of cells that wrap another cell: they share its states, sizes and dropout masks.

    Args:
        cell: A recurrent cell, such as `keras.layers.GRUCell`.
    """

    def __init__(self, cell: keras.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = tree.flatten(cell.state_size)
        self.output_size = getattr(cell, "output_size", self.state_size[0])

    def build(self, input_shape: Shape) -> None:
        """Builds the cell for inputs `(batch, features)`, unless loading has built it."""
        if not self.cell.built:
            self.cell.build(input_shape)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Returns the initial states of the wrapped cell."""
        return tree.flatten(self.cell.get_initial_state(batch_size=batch_size))

    def get_dropout_mask(self, step_input: Tensor) -> Tensor | None:
        """Draws the mask of the wrapped cell."""
        if isinstance(self.cell, DropoutRNNCell):
            return self.cell.get_dropout_mask(step_input)
        return None

    def get_recurrent_dropout_mask(self, step_state: Tensor) -> Tensor | None:
        """Draws the mask of the wrapped cell."""
        if isinstance(self.cell, DropoutRNNCell):
            return self.cell.get_recurrent_dropout_mask(step_state)
        return None

    def reset_dropout_mask(self) -> None:
        """Resets the mask of the wrapped cell."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.reset_dropout_mask()

    def reset_recurrent_dropout_mask(self) -> None:
        """Resets the mask of the wrapped cell."""
        if isinstance(self.cell, DropoutRNNCell):
            self.cell.reset_recurrent_dropout_mask()

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Creates a cell from the config that `get_config` returned."""
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})

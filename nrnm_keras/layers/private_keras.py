"""Every use of what Keras does not make public, in one place: see the contracts in the tests.

A new version of Keras may change any of this without notice. `tests/layers/test_private_keras.py`
checks what is relied on; the upper bound of Keras in `pyproject.toml` is the newest version that
passes.
"""

import keras

# `RNN` draws dropout masks before its loop, as JAX needs it, only for cells of this class.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

__all__ = ["DropoutRNNCell", "all_layers", "moving_averages", "take_strings"]


def all_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a model and the layers within them, the model itself first."""
    return list(model._flatten_layers())


def moving_averages(
    optimizer: keras.optimizers.Optimizer,
) -> list[tuple[keras.Variable, keras.Variable]]:
    """Returns pairs of a trained variable and its moving average, of an optimizer that has them.

    `keras.callbacks.SwapEMAWeights` finds them in the same way.
    """
    averages = optimizer._model_variables_moving_average
    return list(zip(optimizer._trainable_variables, averages, strict=True))


def take_strings(layer: keras.Layer) -> None:
    """Lets a layer take lists and NumPy arrays of strings, as Keras's own text layers do."""
    layer._convert_input_args = False
    layer._allow_non_tensor_positional_args = True

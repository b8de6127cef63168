"""The forward pass and the gradients of a layer, compiled, and how many products they take."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # they need Keras
    import keras

    from nrnm_keras.layers import NRNMCell
    from nrnm_keras.typing import Tensor


def forward(layer: "keras.Layer", x: "Tensor", **options: Any) -> Callable[[], Any]:
    """Returns a function that runs a layer."""
    import tensorflow as tf

    return tf.function(lambda: layer(x, **options), jit_compile=False)


def training(layer: "keras.Layer", x: "Tensor", **options: Any) -> Callable[[], Any]:
    """Returns a function that runs a layer and computes the gradients of its weights."""
    import tensorflow as tf

    @tf.function(jit_compile=False)
    def run():
        with tf.GradientTape() as tape:
            outputs = tf.cast(layer(x, training=True, **options), tf.float32)
            loss = tf.reduce_sum(outputs**2)
        return tape.gradient(loss, layer.trainable_variables)

    return run


def lstm_multiply_adds(units: int, timesteps: int, features: int) -> int:
    """Multiply-adds of a forward pass of an LSTM over one sequence."""
    return timesteps * 4 * units * (features + units)


def nrnm_multiply_adds(cell: "NRNMCell", timesteps: int, features: int) -> int:
    """Multiply-adds of a forward pass of `NRNM` over one sequence (LSTM, self-attention).

    Matmuls alone, as `NRNM` does them: queries for the kept rows only, and the keys' and values'
    kernels applied to the queries' side (`NonLocalMemory`). `RNN(NRNMCell)` needs more.
    """
    units, width, slots, block = cell.units, cell.memory_units, cell.slots, cell.block_size
    memory = slots * width
    windows = timesteps // cell.window_size
    reads = -(-timesteps // cell.window_size)
    step = 4 * units * (features + units) + features * width
    read = features * memory + memory * units
    projection = 0 if width == units else slots * units * width
    attention = 3 * slots * width**2 + 2 * slots * cell.num_heads * (slots + block) * width
    gates = 2 * width * (block + slots) * width
    write = projection + attention + slots * width**2 + gates
    reading = timesteps * read + reads * memory**2
    return timesteps * step + reading + windows * write

"""The gradient of a function with respect to its input, on TensorFlow and JAX."""

from collections.abc import Callable

import keras

from nrnm_keras.typing import Tensor


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Returns the gradient of a scalar function with respect to its input only.

    Args:
        function: Function from a tensor to a scalar, in `keras.ops`.
        x: Float tensor, where the gradient is taken.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        NotImplementedError: on backends other than TensorFlow and JAX.

    Example:

    >>> x = keras.ops.convert_to_tensor([1.0, 2.0])
    >>> [float(value) for value in input_gradient(lambda x: keras.ops.sum(x * x), x)]
    [2.0, 4.0]
    """
    backend, x = keras.backend.backend(), keras.ops.convert_to_tensor(x)
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = function(x)
        return tape.gradient(value, x)
    if backend == "jax":
        import jax

        return jax.grad(function)(x)
    raise NotImplementedError(f"KERAS_BACKEND={backend}; expected tensorflow or jax")

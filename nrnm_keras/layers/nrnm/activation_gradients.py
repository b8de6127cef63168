"""Gradients of activations from their values, each one TensorFlow operation in place of three.

Only hand-written gradients use them, and these exist on TensorFlow alone (see `loop_kernel`).
"""

from nrnm_keras.typing import Tensor


def sigmoid_gradient(value: Tensor, upstream: Tensor) -> Tensor:
    """The gradient of x, `upstream * value * (1 - value)`, where `value` is sigmoid(x)."""
    import tensorflow as tf

    return tf.raw_ops.SigmoidGrad(y=value, dy=upstream)


def tanh_gradient(value: Tensor, upstream: Tensor) -> Tensor:
    """The gradient of x, `upstream * (1 - value * value)`, where `value` is tanh(x)."""
    import tensorflow as tf

    return tf.raw_ops.TanhGrad(y=value, dy=upstream)

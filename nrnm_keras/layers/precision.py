"""Operations in the precision of their inputs: Keras 3.15 rounds them on PyTorch and JAX."""

import keras
from keras import ops

from nrnm_keras.typing import Tensor


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """`ops.matmul`, in float64 too."""
    if _is_float64(x):
        return x @ ops.convert_to_tensor(y, x.dtype)
    return ops.matmul(x, y)


def layer_normalization(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float = 1e-5) -> Tensor:
    """`ops.layer_normalization` over the last axis, in float64 too, and in PyTorch's tracer.

    The tracer has no static sizes, and ONNX has no layer normalization of unknown size.
    """
    if isinstance(x.shape[-1], int) and not _is_float64(x):
        return ops.layer_normalization(x, scale, offset, axis=-1, epsilon=epsilon)
    size = scale.shape[-1]
    x = x - ops.sum(x, axis=-1, keepdims=True) / size
    variance = ops.sum(x * x, axis=-1, keepdims=True) / size
    return x / ops.sqrt(variance + epsilon) * scale + offset


def _is_float64(x):
    return keras.backend.standardize_dtype(x.dtype) == "float64"

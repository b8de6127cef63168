"""Operations in the precision of their inputs: Keras 3.15 rounds them on PyTorch and JAX."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.typing import Tensor


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """`ops.matmul`, in float64 too."""
    if _is_float64(x):
        return x @ ops.convert_to_tensor(y, x.dtype)
    return ops.matmul(x, y)


def mean(x: Tensor) -> Tensor:
    """`ops.mean` over the last axis, which stays, in float64 too."""
    if _is_float64(x):
        return ops.sum(x, axis=-1, keepdims=True) / x.shape[-1]
    return ops.mean(x, axis=-1, keepdims=True)


def at_least_float32(dtype: Any) -> str:
    """The type in which to compute what half precision is too coarse for."""
    dtype = keras.backend.standardize_dtype(dtype)
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _is_float64(x):
    return keras.backend.standardize_dtype(x.dtype) == "float64"

"""Layer normalization with a hand-written gradient."""

from typing import Any

from keras import ops

from nrnm_keras.layers.precision import at_least_float32, mean
from nrnm_keras.typing import Tensor


class LayerNormalization:
    """Normalizes the last axis, as `keras.ops.layer_normalization` does.

    It also works in float64 and under PyTorch tracing, where sizes are not integers.

    Args:
        x: Tensor `(..., units)`.
        scale, offset: `(units,)`.
        epsilon: Float.

    Attributes:
        value: `x` normalized, in the type of `x`.
    """

    def __init__(self, x: Tensor, scale: Tensor, offset: Tensor, epsilon: float = 1e-5) -> None:
        self._dtype = x.dtype
        precision = at_least_float32(x.dtype)
        x, self._scale, self._offset = (ops.cast(each, precision) for each in (x, scale, offset))
        centered = x - mean(x)
        self._inverse = ops.rsqrt(mean(centered * centered) + epsilon)
        self._normalized = centered * self._inverse
        self.value = self.compute_again()

    def compute_again(self) -> Tensor:
        """Recomputes the value for a gradient, which is faster than keeping it."""
        return ops.cast(self._normalized * self._scale + self._offset, self._dtype)

    def gradient(self, upstream: Tensor) -> Any:
        """The gradients of `x`, `scale` and `offset`, if `x` has rank 2."""
        upstream = ops.cast(upstream, self._normalized.dtype)
        d_scale = upstream * self._normalized
        d_normalized = upstream * self._scale
        d_x = d_normalized - mean(d_normalized) - self._normalized * mean(d_scale * self._scale)
        gradients = d_x * self._inverse, ops.sum(d_scale, axis=0), ops.sum(upstream, axis=0)
        return [ops.cast(gradient, self._dtype) for gradient in gradients]

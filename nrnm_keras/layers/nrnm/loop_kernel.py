"""Kernels that a loop multiplies by, with a gradient that is faster than the automatic one."""

from collections import namedtuple

import keras
from keras import ops

from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Tensor

LoopKernel = namedtuple("LoopKernel", "kernel transposed")


def loop_kernel(kernel: Tensor) -> "LoopKernel | Tensor":
    """Makes a `LoopKernel`, outside of the loop, from a matrix; on TensorFlow, where it pays.

    Other backends get the matrix itself: JAX has no forward mode for a gradient written by hand,
    PyTorch no second pass.
    """
    # A copy, because TensorFlow lets no variable into a custom gradient.
    kernel = ops.copy(ops.convert_to_tensor(kernel))
    if keras.backend.backend() != "tensorflow":
        return kernel
    return LoopKernel(kernel, ops.transpose(kernel))


def multiply(x: Tensor, kernel: Tensor) -> Tensor:
    """Multiplies `(..., features)` by a kernel, `(features, units)`.

    The automatic gradient multiplies by the transposed kernel, and transposes it every time; for
    few rows this took up to four times as long as the product itself (TensorFlow on CPU). If the
    kernel is a `LoopKernel`, the transpose is taken once for all times.
    """
    if not isinstance(kernel, LoopKernel):
        return matmul(x, kernel)
    if len(x.shape) == 2:
        return _multiply(x, *kernel)
    rows = _multiply(ops.reshape(x, (-1, x.shape[-1])), *kernel)
    return ops.reshape(rows, (*ops.shape(x)[:-1], kernel.kernel.shape[-1]))


@ops.custom_gradient
def _multiply(x, kernel, transposed):
    def gradient(upstream):
        # A second pass finds the kernel behind `transposed`: for it, that must be no constant.
        return matmul(upstream, transposed), matmul(ops.transpose(x), upstream), None

    return matmul(x, kernel), gradient

"""Kernels that a loop multiplies by, with a gradient that is faster than the automatic one."""

from collections import namedtuple

from keras import ops

LoopKernel = namedtuple("LoopKernel", "kernel transposed")


def loop_kernel(kernel):
    """Makes a `LoopKernel`, outside of the loop, from a matrix."""
    # A copy, because TensorFlow lets no variable into a custom gradient.
    kernel = ops.copy(ops.convert_to_tensor(kernel))
    return LoopKernel(kernel, ops.stop_gradient(ops.transpose(kernel)))


def multiply(x, kernel):
    """Multiplies `(..., features)` by a kernel, `(features, units)`.

    The automatic gradient multiplies by the transposed kernel, and transposes it every time; for
    few rows this took up to four times as long as the product itself (TensorFlow on CPU). If the
    kernel is a `LoopKernel`, the transpose is taken once for all times.
    """
    if not isinstance(kernel, LoopKernel):
        return ops.matmul(x, kernel)
    rows = _multiply(ops.reshape(x, (-1, x.shape[-1])), *kernel)
    return ops.reshape(rows, (*ops.shape(x)[:-1], kernel.kernel.shape[-1]))


@ops.custom_gradient
def _multiply(x, kernel, transposed):
    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return ops.matmul(upstream, transposed), ops.matmul(ops.transpose(x), upstream), None

    return ops.matmul(x, kernel), gradient

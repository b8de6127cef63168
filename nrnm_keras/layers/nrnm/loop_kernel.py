"""Computations in a loop with hand-written gradients, which are faster than automatic ones."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from nrnm_keras.layers.nrnm.rows import from_rows, leading_axes, to_rows
from nrnm_keras.layers.precision import matmul
from nrnm_keras.typing import Tensor

LoopKernel = namedtuple("LoopKernel", "kernel transposed")


def loop_weight(weight: Tensor) -> Any:
    """Prepares a weight before a loop. On TensorFlow, a kernel becomes a `LoopKernel`.

    With a hand-written gradient, JAX would have no forward mode and PyTorch no second derivatives.
    A kernel of rank 3 holds the kernels of several heads.
    """
    # The value of the variable, because TensorFlow allows no variables in custom gradients.
    weight = ops.cast(weight, weight.dtype)
    if keras.backend.backend() != "tensorflow" or len(weight.shape) == 1:
        return weight
    # For few rows, transposing at every step took up to four times as long as the product itself.
    return LoopKernel(weight, ops.swapaxes(weight, -1, -2))


def values_of(weights: Any) -> Any:
    """The weights by part and name, as `loop_weight` prepared them, without what it added."""
    return _by_name(lambda weight: getattr(weight, "kernel", weight), weights)


def with_values(weights: Any, values: Any) -> Any:
    """The reverse of `values_of`: weights whose kernels are others."""

    def replace(weight, value):
        return weight._replace(kernel=value) if isinstance(weight, LoopKernel) else value

    return _by_name(replace, weights, values)


def _by_name(function, weights, *others):
    return {
        part: {
            name: function(w, *(other[part][name] for other in others)) for name, w in of.items()
        }
        for part, of in weights.items()
    }


def compute(computation: type, tensors: list[Tensor], weights: Any) -> Any:
    """Runs a computation, with its hand-written gradient if the weights come from `loop_weight`.

    TensorFlow's automatic gradient keeps a list for nearly every tensor of a loop iteration, and
    for its shape. These lists were most of the graph of a training step, and took most of the time
    to trace it.

    Args:
        computation: Class that is constructed from the tensors and a dict of the weights. It has
            an attribute `value` and a method `gradient(upstream, transposed)`, where `transposed`
            has the transposed kernels by name. The method returns the gradients of the tensors, a
            list, and of the weights, a dict.
        tensors: List of tensors.
        weights: Dict of weights by name. All or none of them come from `loop_weight`.

    Returns:
        The computation.
    """
    kernels = {name: w for name, w in weights.items() if isinstance(w, LoopKernel)}
    if not kernels:
        return computation(*tensors, weights)
    matrices = {**weights, **{name: kernel.kernel for name, kernel in kernels.items()}}
    transposed = {name: kernel.transposed for name, kernel in kernels.items()}
    computed: Any = None

    @ops.custom_gradient
    def run(*arguments):
        nonlocal computed
        given = dict(zip(matrices, arguments[len(tensors) :], strict=True))
        computed = computation(*arguments[: len(tensors)], given)

        def gradient(upstream):
            of_tensors, of_weights = computed.gradient(upstream, transposed)
            return (*of_tensors, *(of_weights[name] for name in matrices))

        return computed.value, gradient

    value = run(*tensors, *matrices.values())
    computed.value = value
    return computed


def multiply(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiplies `(..., features)` by a kernel, `(features, units)`, and adds a bias, if given."""
    weights = {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}
    return compute(_Product, [x], weights).value


class _Product:
    """A product of matrices, because TensorFlow then adds the bias within the matmul."""

    def __init__(self, x, weights):
        self._leading, self._rows = leading_axes(x), to_rows(x)
        product = matmul(self._rows, weights["kernel"])
        product = product + weights["bias"] if "bias" in weights else product
        self.value = from_rows(product, self._leading)

    def gradient(self, upstream, transposed):
        upstream = to_rows(upstream)
        d_x = from_rows(matmul(upstream, transposed["kernel"]), self._leading)
        d_kernel = kernel_gradient(self._rows, upstream)
        return [d_x], {"kernel": d_kernel, "bias": ops.sum(upstream, axis=0)}


def kernel_gradient(x: Tensor, upstream: Tensor) -> Tensor:
    """The gradient of a kernel that multiplied the rows `x`."""
    return matmul(ops.transpose(x), upstream)

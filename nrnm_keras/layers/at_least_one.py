"""Padding of empty batches and empty sequences, which many operations do not accept."""

from keras import ops

from nrnm_keras.typing import Tensor


def at_least_one(x: Tensor, axis: int) -> Tensor:
    """Pads a tensor of size 0 along an axis with one slice of zeros or False.

    Tensors of other sizes are returned unchanged. There is no branch, so that one graph serves all
    sizes.

    Args:
        x: Tensor.
        axis: 0 for the sequences of a batch, or 1 for their steps.

    Example:

    >>> at_least_one(np.ones((2, 0, 3)), 1).shape, at_least_one(np.ones((2, 5, 3)), 1).shape
    (TensorShape([2, 1, 3]), (2, 5, 3))
    """
    if x.shape[axis]:
        return x
    x = ops.convert_to_tensor(x)
    shape = list(ops.shape(x))
    size, shape[axis] = shape[axis], 1
    missing = ops.zeros(shape, x.dtype)
    if not isinstance(size, int):
        missing = missing[(slice(None),) * axis + (slice(1 - ops.minimum(size, 1)),)]
    return ops.concatenate([x, missing], axis=axis)

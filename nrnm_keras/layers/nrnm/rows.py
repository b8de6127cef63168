"""Reshaping tensors without operations that compute sizes that are not needed."""

from keras import ops

from nrnm_keras.typing import Shape, Tensor


def reshape(x: Tensor, shape: Shape) -> Tensor:
    """`ops.reshape` for shapes in which one size may be known only while the graph runs."""
    sizes = [size if isinstance(size, int) else -1 for size in shape]
    return ops.reshape(x, sizes if sizes.count(-1) == 1 and 0 not in sizes else shape)


def to_rows(x: Tensor) -> Tensor:
    """Turns `(..., units)` into `(rows, units)`."""
    return x if len(x.shape) == 2 else ops.reshape(x, (-1, x.shape[-1]))


def leading_axes(x: Tensor) -> Shape:
    """The axes before the last one, as `from_rows` takes them."""
    axes = list(x.shape[:-1])
    if axes.count(None) == 1 and 0 not in axes:
        return tuple(-1 if size is None else size for size in axes)
    return ops.shape(x)[:-1]


def from_rows(rows: Tensor, leading: Shape) -> Tensor:
    """Turns `(rows, units)` into `(*leading, units)`."""
    return rows if len(leading) == 1 else ops.reshape(rows, (*leading, rows.shape[-1]))

"""Shapes of tensors, without operations to find out what need not be known."""

from keras import ops


def reshape(x, shape):
    """`ops.reshape`, where one of the sizes may be known while the graph runs alone."""
    sizes = [size if isinstance(size, int) else -1 for size in shape]
    return ops.reshape(x, sizes if sizes.count(-1) == 1 and 0 not in sizes else shape)


def to_rows(x):
    """Turns `(..., units)` into `(rows, units)`."""
    return x if len(x.shape) == 2 else ops.reshape(x, (-1, x.shape[-1]))


def leading_axes(x):
    """The axes before the last one, as `from_rows` takes them."""
    axes = list(x.shape[:-1])
    if axes.count(None) == 1 and 0 not in axes:
        return [-1 if size is None else size for size in axes]
    return ops.shape(x)[:-1]


def from_rows(rows, leading):
    """Turns `(rows, units)` into `(*leading, units)`."""
    return rows if len(leading) == 1 else ops.reshape(rows, (*leading, rows.shape[-1]))

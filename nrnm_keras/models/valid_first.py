"""Valid steps brought to the front."""

from keras import ops

from nrnm_keras.typing import Tensor


def valid_first(sequences: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the sequences with the valid steps first, zeros after them, and their mask."""
    if mask is None:
        mask = ops.ones(ops.shape(sequences)[:2], "bool")
    mask, steps = ops.cast(mask, "bool"), ops.shape(sequences)[1]
    order = ops.argsort(ops.where(mask, 0, steps) + ops.arange(steps), axis=1)
    mask = ops.take_along_axis(mask, order, axis=1)
    if len(sequences.shape) == 3:
        order, expanded = ops.expand_dims(order, -1), ops.expand_dims(mask, -1)
    else:
        expanded = mask
    sequences = ops.take_along_axis(sequences, order, axis=1)
    return ops.where(expanded, sequences, ops.zeros_like(sequences)), mask

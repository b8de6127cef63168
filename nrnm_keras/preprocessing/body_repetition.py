"""Fills the steps after the last step of a body with repetitions of its steps."""

import math

from keras import ops

from nrnm_keras.layers.nrnm.packing import take_rows
from nrnm_keras.preprocessing.body_presence import last_present
from nrnm_keras.typing import Tensor


def repeated_steps(present: Tensor) -> Tensor:
    """Returns the source of each step of a body, int32 `(batch, timesteps, bodies)`.

    After the last step of a body, its steps repeat from the start. If a body is missing in the
    first step, its steps are moved to the front and its gaps removed. Otherwise its gaps stay, as
    in the usual preprocessing of NTU RGB+D.
    """
    timesteps = present.shape[1]
    steps = ops.reshape(ops.arange(timesteps, dtype="int32"), (1, -1, 1))
    moved = ops.cast(ops.argsort(ops.where(present, steps, steps + timesteps), axis=1), "int32")
    counts = ops.sum(ops.cast(present, "int32"), axis=1)
    starts = present[:, 0]
    lengths = ops.where(starts, last_present(present) + 1, counts)
    steps = steps % ops.expand_dims(ops.maximum(lengths, 1), 1)
    return ops.where(ops.expand_dims(starts, 1), steps, ops.take_along_axis(moved, steps, axis=1))


def take_steps(x: Tensor, steps: Tensor) -> Tensor:
    """Takes steps `(batch, timesteps, bodies)` of `(batch, timesteps, bodies, ...)`."""
    timesteps, bodies, *rest = x.shape[1:]
    x = ops.reshape(x, (-1, timesteps, bodies, math.prod(rest)))
    taken = [take_rows(x[:, :, body], steps[:, :, body]) for body in range(bodies)]
    return ops.reshape(ops.stack(taken, axis=2), (-1, timesteps, bodies, *rest))

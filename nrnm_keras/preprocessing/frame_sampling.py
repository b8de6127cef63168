"""Sampling of frames from sequences, with interpolation."""

import math

import keras
from keras import ops

from nrnm_keras.layers.nrnm.packing import take_rows
from nrnm_keras.typing import Tensor


class FrameSampling:
    """Samples steps at given positions of sequences of frames.

    A step between two frames is interpolated linearly, and has a body only if both frames have it.
    A step after the valid frames has no body.

    Args:
        positions: `(batch, timesteps)`, the position of each step in frames from 0: float32, or
            int32 if no step lies between frames.
        lengths: int32 `(batch,)`, the number of valid frames.
    """

    def __init__(self, positions: Tensor, lengths: Tensor) -> None:
        last = ops.maximum(ops.expand_dims(lengths, 1) - 1, 0)
        below = ops.cast(positions, "int32")
        self._is_valid = below < ops.expand_dims(lengths, 1)
        self._below = ops.minimum(below, last)
        self._above = None
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(positions.dtype)):
            self._above = ops.minimum(below + 1, last)
            self._share = ops.expand_dims(positions - ops.cast(below, "float32"), 2)

    def find_bodies(self, present: Tensor) -> Tensor:
        """Returns the presence of bodies at the steps, bool `(batch, timesteps, bodies)`."""
        bodies = ops.logical_and(take_rows(present, self._below), self._is_valid[..., None])
        if self._above is None:
            return bodies
        above = ops.logical_or(take_rows(present, self._above), self._share == 0)
        return ops.logical_and(bodies, above)

    def joints(self, joints: Tensor) -> Tensor:
        """Returns the joints at the steps, `(batch, timesteps, bodies, joints, 3)`.

        Where `find_bodies` finds no body, they are meaningless.
        """
        shape = joints.shape[2:]
        joints = ops.reshape(joints, (*ops.shape(joints)[:2], math.prod(shape)))
        steps = take_rows(joints, self._below)
        if self._above is not None:
            steps = steps + self._share * (take_rows(joints, self._above) - steps)
        return ops.reshape(steps, (*ops.shape(steps)[:2], *shape))


def evenly_spaced(lengths: Tensor, timesteps: int) -> Tensor:
    """Returns positions from the first to the last valid frame, float32 `(batch, timesteps)`."""
    last = ops.cast(ops.maximum(ops.expand_dims(lengths, 1) - 1, 0), "float32")
    steps = ops.arange(timesteps, dtype="float32")
    return ops.minimum(steps * last / max(timesteps - 1, 1), last)


def first_frames(lengths: Tensor, timesteps: int) -> Tensor:
    """Returns the positions of the first frames, int32 `(batch, timesteps)`."""
    return ops.expand_dims(ops.zeros_like(lengths), 1) + ops.arange(timesteps, dtype="int32")


def central_frames(lengths: Tensor, timesteps: int) -> Tensor:
    """Returns the positions of the central frames, int32 `(batch, timesteps)`."""
    skipped = ops.maximum(lengths - timesteps, 0) // 2
    return ops.expand_dims(skipped, 1) + ops.arange(timesteps, dtype="int32")


POSITIONS = {"resample": evenly_spaced, "first": first_frames, "central": central_frames}

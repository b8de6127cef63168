"""Presence of bodies in frames, and the main body of a sequence."""

from keras import ops

from nrnm_keras.layers.nrnm.packing import take_rows
from nrnm_keras.typing import Tensor


def find_bodies(joints: Tensor) -> Tensor:
    """Returns whether bodies are present, bool `(batch, frames, bodies)`.

    A body is missing in a frame where all of its coordinates are zero or any is not finite.
    """
    is_finite = ops.all(ops.isfinite(joints), axis=(-2, -1))
    return ops.logical_and(is_finite, ops.any(joints != 0, axis=(-2, -1)))


def zero_missing(joints: Tensor, present: Tensor) -> Tensor:
    """Sets the joints of missing bodies to zero."""
    return ops.where(present[..., None, None], joints, ops.zeros_like(joints))


def valid_lengths(present: Tensor) -> Tensor:
    """Returns the number of frames up to the last one with a body, int32 `(batch,)`."""
    return last_present(ops.any(present, axis=2)) + 1


def last_present(present: Tensor) -> Tensor:
    """Returns the index of the last True along axis 1, or -1."""
    steps = ops.arange(ops.shape(present)[1], dtype="int32")
    steps = ops.reshape(steps, (1, -1) + (1,) * (len(present.shape) - 2))
    return ops.max(ops.where(present, steps, -1), axis=1)


class MainBody:
    """The main body: the first body that is present in any step, or the one seen earliest.

    Args:
        joints: `(batch, timesteps, bodies, joints, 3)`, finite even where a body is missing.
        present: bool `(batch, timesteps, bodies)`.
        seen_first: Boolean, whether the main body is the one that is seen earliest.
    """

    def __init__(self, joints: Tensor, present: Tensor, seen_first: bool = False) -> None:
        self._joints = joints
        candidates = ops.any(present, axis=1)
        if seen_first:
            first = ops.argmax(ops.cast(ops.any(present, axis=2), "int32"), axis=1, keepdims=True)
            candidates = take_rows(present, first)[:, 0]
        main = ops.argmax(ops.cast(candidates, "int32"), axis=1)
        self._is_main = ops.expand_dims(main, 1) == ops.arange(present.shape[2], dtype=main.dtype)
        self._present = self.is_in(present)
        self._first = ops.argmax(ops.cast(self._present, "int32"), axis=1, keepdims=True)
        self._first = ops.cast(self._first, "int32")

    def is_in(self, present: Tensor) -> Tensor:
        """Returns the steps in which it is present, bool `(batch, timesteps)`."""
        return ops.any(ops.logical_and(present, self._is_main[:, None]), axis=2)

    def first(self, joint: int) -> Tensor:
        """Returns the position of a joint in the first step with the main body, `(batch, 3)`."""
        return take_rows(self._path(joint), self._first)[:, 0]

    def path(self, joint: int) -> Tensor:
        """Returns the position of a joint at every step, `(batch, timesteps, 3)`.

        Where the main body is missing, the last position is held; before its first step, the first.
        """
        steps = ops.arange(ops.shape(self._present)[1], dtype="int32")
        until_now = ops.logical_and(self._present[:, None], steps <= steps[:, None])
        held = ops.max(ops.where(until_now, steps, -1), axis=2)
        return take_rows(self._path(joint), ops.maximum(held, self._first))

    def _path(self, joint):
        is_main = self._is_main[:, None, :, None]
        return ops.sum(ops.where(is_main, self._joints[:, :, :, joint], 0.0), axis=2)

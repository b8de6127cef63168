"""Packing of padded sequences: the valid steps of each row without gaps, cut into windows."""

import functools

from keras import ops, tree

from nrnm_keras.typing import Tensor


class Packing:
    """The place of each step of each sequence when the batch is cut into windows.

    The valid steps of a row follow each other without the masked ones. A row that continues from
    the middle of a window starts at that place, its offset, of its first window. Windows therefore
    end at the same place in all rows, for any mask and offset. Places before a row's first step and
    after its last are padding: results there must not be used.

    Args:
        sequences: `(batch, timesteps, features)`, for its shape.
        window_size: Integer, the length of a window.
        mask: Boolean `(batch, timesteps)`, or `None` if all steps are valid.
        offsets: int32 `(batch,)`, the place in its first window where each row starts; `None` for
            0.

    Attributes:
        num_windows: The number of whole windows.
        has_windows: Whether there may be any.
        places_in_windows: The number of their places.
        tail: The number of places after them, less than a window; 0 if the last window is padded.
        ends_together: Whether all rows end at the last place, without padding. True only if no
            step has to be moved and the number of time steps is known.
        length: The number of all places.
    """

    def __init__(
        self,
        sequences: Tensor,
        window_size: int,
        mask: Tensor | None = None,
        offsets: Tensor | None = None,
    ) -> None:
        self.batch_size, self.timesteps = ops.shape(sequences)[:2]
        self.mask = mask
        self.offsets = offsets
        self._is_identity = mask is None and offsets is None
        self.tail = 0
        self.ends_together = self._is_identity and isinstance(self.timesteps, int)
        if self.ends_together:
            self.tail = self.timesteps % window_size
        most = self.timesteps if offsets is None else self.timesteps + window_size - 1
        self.num_windows = (most - self.tail + window_size - 1) // window_size
        self.has_windows = not (isinstance(self.num_windows, int) and self.num_windows == 0)
        self.places_in_windows = self.num_windows * window_size
        self.length = self.places_in_windows + self.tail

    @functools.cached_property
    def counts(self) -> Tensor:
        """int32 `(batch,)`, the number of valid steps of each row."""
        if self.mask is None:
            return ops.full((self.batch_size,), self.timesteps, "int32")
        return ops.sum(ops.cast(self.mask, "int32"), axis=1)

    @functools.cached_property
    def ends(self) -> Tensor:
        """int32 `(batch,)`, the place after the last step of each row."""
        return self._first + self.counts

    @functools.cached_property
    def _first(self):
        return ops.zeros_like(self.counts) if self.offsets is None else self.offsets

    def pack(self, sequences: Tensor) -> Tensor:
        """Turns `(batch, timesteps, features)` into `(batch, length, features)`."""
        if not self._is_identity:
            return take_rows(sequences, self.source_steps())
        if self.ends_together:
            return sequences
        missing = (self.batch_size, self.length - self.timesteps, sequences.shape[-1])
        return ops.concatenate([sequences, ops.zeros(missing, sequences.dtype)], axis=1)

    def unpack(self, packed: Tensor, zero_masked: bool = False) -> Tensor:
        """Turns `(batch, length, features)` back into `(batch, timesteps, features)`.

        A masked step repeats the step before it, or is zero; before the first valid step of a row
        its steps are zero.
        """
        if self._is_identity:
            return packed[:, : self.timesteps]
        if self.mask is None:
            nth = ops.expand_dims(ops.zeros_like(self.offsets), 1) + self._steps() + 1
        else:
            nth = ops.cumsum(ops.cast(self.mask, "int32"), axis=1)
        places = ops.expand_dims(self._first, 1) + nth - 1
        steps = take_rows(packed, ops.maximum(places, 0))
        has_value = self.mask if zero_masked and self.mask is not None else nth > 0
        return ops.where(ops.expand_dims(has_value, -1), steps, ops.zeros_like(steps))

    def source_steps(self) -> Tensor:
        """The index of the step at each place, int32 `(batch, length)`."""
        places = ops.arange(self.length, dtype="int32")
        nth = places - ops.expand_dims(self._first, 1)
        nth = ops.clip(nth, 0, ops.expand_dims(ops.maximum(self.counts - 1, 0), 1))
        if self.mask is None:
            return nth
        order = ops.argsort(
            ops.where(self.mask, self._steps(), self._steps() + self.timesteps), axis=1
        )
        return take_rows(ops.expand_dims(order, -1), nth)[..., 0]

    def is_active(self) -> Tensor:
        """Whether a place holds a step of its row, bool `(length, batch, 1)`."""
        places = ops.reshape(ops.arange(self.length, dtype="int32"), (-1, 1, 1))
        begun = places >= ops.expand_dims(self._first, 1)
        return ops.logical_and(begun, places < ops.expand_dims(self.ends, 1))

    def _steps(self):
        return ops.arange(self.timesteps, dtype="int32")


def in_order(
    sequences: Tensor, mask: Tensor | None, go_backwards: bool
) -> tuple[Tensor, Tensor | None]:
    """Returns sequences in the order of processing, and their mask `(batch, timesteps)`."""
    mask = None if mask is None else ops.cast(tree.flatten(mask)[0], "bool")
    if go_backwards:
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    return sequences, mask


def take_rows(x: Tensor, indices: Tensor) -> Tensor:
    """Takes rows `(batch, rows)` of `x`, `(batch, timesteps, features)`, each from its sequence.

    `x` is flattened, because `ops.take_along_axis` would need an index for every feature.
    """
    batch_size, timesteps = ops.shape(x)[:2]
    if isinstance(batch_size, int) and batch_size == 0:
        # JAX cannot take an empty result of another shape from an empty tensor.
        return ops.zeros((0, indices.shape[1], x.shape[-1]), x.dtype)
    starts = timesteps * ops.expand_dims(ops.arange(batch_size, dtype="int32"), 1)
    flat = ops.reshape(x, (-1, x.shape[-1]))
    return ops.take(flat, ops.cast(indices, "int32") + starts, axis=0)

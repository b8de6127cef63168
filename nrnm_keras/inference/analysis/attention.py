"""The attention of memory writes, for one input."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from nrnm_keras.inference.analysis.directions import Direction


class Attention(NamedTuple):
    """The attention of all writes of one memory.

    Attributes:
        name: the name of the layer and its direction.
        weights: `(writes, num_heads, slots, slots + block_size)`; each row sums to 1.
        steps: the time steps of the source units, counted from 0: those of the hidden states, in
            the order of the slots, then those of the inputs; `(writes, slots + block_size)`.
        part: the part of the raw input, as in `Direction`.
    """

    name: str
    weights: np.ndarray
    steps: np.ndarray
    part: str = ""

    @property
    def mean_weights(self) -> np.ndarray:
        """The mean over the heads, `(writes, slots, slots + block_size)`."""
        return self.weights.mean(axis=1)


def attention_limits(attentions: Sequence[Attention]) -> tuple[float, float]:
    """Returns the smallest and the largest `mean_weights` of all memories; (0, 0) of none."""
    weights = [attention.mean_weights for attention in attentions]
    return (
        min((float(each.min()) for each in weights), default=0.0),
        max((float(each.max()) for each in weights), default=0.0),
    )


def attention_of_writes(directions: Sequence[Direction]) -> list[Attention]:
    """Returns the `Attention` of every memory that is written to at least once.

    Args:
        directions: list of `Direction`.
    """
    attentions = [_attention(direction) for direction in directions if _attends(direction)]
    # Masked steps do not count: a padded sequence may be too short for a write.
    return [attention for attention in attentions if len(attention.steps)]


def attention_received(attentions: Sequence[Attention], timesteps: int) -> np.ndarray:
    """Returns the attention that the input of each time step received.

    This is the mean over all memories, and over the writes whose block contains the step, their
    heads and slots. It is in multiples of uniform attention, and NaN where no block has the step.

    Args:
        attentions: list of `Attention`.
        timesteps: the number of time steps.

    Returns:
        Array `(timesteps,)`.
    """
    total, count = np.zeros(timesteps), np.zeros(timesteps)
    for attention in attentions:
        _, _, slots, units = attention.weights.shape
        received = units * attention.weights.mean(axis=(1, 2))[:, slots:]
        np.add.at(total, attention.steps[:, slots:], received)
        np.add.at(count, attention.steps[:, slots:], 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _attends(direction):
    if not direction.has_memory:
        return False
    cell, timesteps = direction.layer.cell, direction.sequences.shape[1]
    has_write = np.any(cell.is_write(np.arange(1, timesteps + 1)))
    return has_write and cell.interaction == "self_attention"


def _attention(direction):
    weights, steps = direction.layer.attention_weights(direction.sequences, direction.mask)
    weights, steps = (ops.convert_to_numpy(x)[0] for x in (weights, steps))
    is_write = steps[:, 0] >= 0
    weights = weights[is_write].astype("float32")
    return Attention(direction.name, weights, steps[is_write], direction.part)

"""The influence of each input step on the last hidden state."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from nrnm_keras.typing import Tensor

if TYPE_CHECKING:  # it has methods that call these
    from nrnm_keras.inference.trained_model import TrainedModel

# Largest number of steps, over all copies of the sequence, that one gradient keeps in memory.
_MOST_STEPS = 20_000


def influence_by_distance(trained: "TrainedModel", raw: Tensor) -> np.ndarray:
    """Returns the Frobenius norm of d h_T / d x_t by the distance T - t, from 0 on.

    h_T is the hidden state of the last recurrent layer at the last step (of bidirectional layers
    the forward direction's part), x_t the recurrent layers' input at step t, both without the steps
    that are masked.

    Args:
        trained: `TrainedModel`, on TensorFlow.
        raw: a batch of one raw input, as the model takes it.

    Returns:
        Array `(steps,)`.
    """
    (influence,) = influence_of_parts(trained, raw).values()
    return influence


def influence_of_parts(trained: "TrainedModel", raw: Tensor) -> dict[str, np.ndarray]:
    """Returns `influence_by_distance` for each part of the input, by the part's name."""
    parts = trained.backbone_inputs(raw)
    return {name: _influence(trained.backbone, *inputs) for name, inputs in parts.items()}


def _influence(backbone, sequence, mask):
    if mask is not None:
        sequence = tf.boolean_mask(sequence, mask)[tf.newaxis]
    copies = max(1, _MOST_STEPS // sequence.shape[1])
    squares = np.zeros(sequence.shape[1])
    for first in range(0, backbone.units, copies):
        units = np.arange(first, min(first + copies, backbone.units))
        squares += _squared_gradients(backbone, sequence, units)
    return np.sqrt(squares)[::-1]


def _squared_gradients(backbone, sequence, units):
    """Returns the squares of the gradients of units of h_T, summed over units and features.

    Each unit has a copy of the sequence, so that one backward pass gives all gradients.
    """
    copies = tf.repeat(sequence, len(units), axis=0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(copies)
        last = backbone(copies)[:, -1]
        chosen = tf.gather(last, units, batch_dims=1)
    gradients = tape.gradient(chosen, copies).numpy().astype("float64")
    return np.square(gradients).sum(axis=(0, 2))

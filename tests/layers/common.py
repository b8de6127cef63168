"""What the tests of the layers share."""

import keras
import numpy as np
import pytest
from keras import ops

UNITS, FEATURES, HEADS = 8, 5, 2

# block_size, stride, window_size: windows as long as, shorter and longer than a block.
_SIZES = [(8, 4, 8), (8, 2, 4), (6, 3, 9), (4, 1, 4), (6, 2, 4)]
SIZES = [*_SIZES[:3], *(pytest.param(sizes, marks=pytest.mark.slow) for sizes in _SIZES[3:])]

# The lengths 1, less than a block, of whole windows, and in between.
LENGTHS = [1, 3, 24, 29]


def sizes_of(block_size, stride, window_size=None):
    """Sizes as arguments of the layer and the cell."""
    return {"block_size": block_size, "stride": stride, "window_size": window_size}


def randomize(layer, seed=0, scale=0.4):
    """Draws every weight, the memory's read projection too, whose default start is zero."""
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * scale)
    return layer


def sequences(timesteps, batch_size=4, features=FEATURES, seed=0):
    return np.random.default_rng(seed).normal(size=(batch_size, timesteps, features)).astype("f4")


def masks(timesteps, batch_size=4):
    """Masks by name; each differs from row to row."""
    steps = np.arange(timesteps)
    lengths = np.linspace(1, timesteps, batch_size).astype(int)[:, None]
    holes = np.random.default_rng(1).random((batch_size, timesteps)) < 0.6
    empty = holes.copy()
    empty[1] = False
    return {
        "right": steps < lengths,
        "left": steps >= timesteps - lengths,
        "holes": holes,
        "empty_row": empty,
    }


def close(actual, expected, tolerance=1e-5):
    """Asserts that nested tensors are equal, to a tolerance relative to their size."""
    actual, expected = keras.tree.flatten(actual), keras.tree.flatten(expected)
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        size = max(1.0, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * size)

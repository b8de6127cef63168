"""What the tests of NRNM in the place of Keras's layers share; nothing is of one backend."""

import keras
import numpy as np
from keras import ops

from nrnm_keras import NRNM
from tests.layers.common import FEATURES, randomize, sequences

BACKEND = keras.backend.backend()
UNITS, TIMESTEPS, BATCH = 4, 7, 4
# Two writes in 7 steps, and a step after the last.
SIZES = {"block_size": 4, "stride": 2, "window_size": 2}
STATES = [UNITS, UNITS, 2 * UNITS, 2 * UNITS, 4 * UNITS, 3]
X = sequences(TIMESTEPS)


def nrnm(units=UNITS, features=FEATURES, **kwargs):
    """A layer whose weights are drawn at random, all of them."""
    layer = NRNM(units, **{**SIZES, **kwargs})
    layer.build((BATCH, TIMESTEPS, features))
    return randomize(layer)


def like(layer, **kwargs):
    """A layer with the same weights and other arguments."""
    other = NRNM.from_config({**layer.get_config(), **kwargs})
    other.build((BATCH, TIMESTEPS, FEATURES))
    other.set_weights(layer.get_weights())
    return other


def model_of(*stack, timesteps=None, batch_size=None):
    return keras.Sequential([keras.Input((timesteps, FEATURES), batch_size=batch_size), *stack])


def train(model, steps=1):
    """Steps of training on random targets; returns the losses."""
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=BACKEND == "tensorflow")
    y = np.random.default_rng(2).normal(size=(BATCH, *model.output_shape[1:]))
    return [model.train_on_batch(X, y) for _ in range(steps)]


def to_numpy(tensor):
    return ops.convert_to_numpy(tensor)

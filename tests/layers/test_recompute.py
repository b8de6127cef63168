"""NRNM(recompute=True): the same gradients, with windows that the backward pass computes again.

The other backends are in `transforms.py`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras import NRNM
from nrnm_keras.layers.nrnm.nrnm_loop import NRNMLoop
from tests.layers.common import close, masks, randomize, sequences

TIMESTEPS, BATCH, FEATURES = 19, 4, 3
SIZES = {"units": 4, "block_size": 4, "stride": 2, "num_heads": 2, "return_sequences": True}


def gradients(recompute, mask=None, in_graph=True, **arguments):
    layer = NRNM(**SIZES, recompute=recompute, **arguments)
    layer.build((None, TIMESTEPS, FEATURES))
    randomize(layer)
    x = tf.constant(sequences(TIMESTEPS, BATCH, FEATURES))

    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, mask=mask, training=True)))
        return tape.gradient(loss, [x, *layer.trainable_variables])

    return tf.function(run)() if in_graph else run()


NOISE = {"dropout": 0.2, "recurrent_dropout": 0.2, "zoneout": 0.2, "memory_dropout": 0.2}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (None, {}),
        ("holes", {"window_size": 2}),
        pytest.param("holes", {"backbone": "gru"}, marks=pytest.mark.slow),
        ("empty_row", {"memory_read": "attention", **NOISE, "seed": 3}),
        pytest.param("holes", {"interaction": "linear"}, marks=pytest.mark.slow),
        pytest.param("holes", {"dtype": "float64"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_gradients_are_the_same(name, arguments):
    mask = None if name is None else tf.constant(masks(TIMESTEPS, BATCH)[name])
    both = [gradients(recompute, mask, **arguments) for recompute in (True, False)]
    close(*both)


def test_the_backward_pass_computes_windows_again(monkeypatch):
    windows = []
    window = NRNMLoop._window
    monkeypatch.setattr(NRNMLoop, "_window", lambda *args: windows.append(1) or window(*args))
    gradients(False, in_graph=False)
    once = len(windows)
    gradients(True, in_graph=False)
    # Four whole windows: the steps after them end without a write.
    assert (once, len(windows) - once) == (4, 8)


def test_a_model_trains_and_is_saved(tmp_path):
    x, y = sequences(TIMESTEPS, BATCH, FEATURES), np.arange(BATCH) % 2
    histories = []
    for recompute in (True, False):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((None, FEATURES)),
                NRNM(4, block_size=4, stride=2, recompute=recompute),
                keras.layers.Dense(2),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, jit_compile=False)
        histories.append(model.fit(x, y, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-5)
    model.layers[0].recompute = True
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").layers[0].recompute is True

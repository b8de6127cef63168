"""LSTM: the numbers of `keras.layers.LSTM`, in every way of calling it."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.layers import LSTM, ZoneoutCell

BATCH, FEATURES, UNITS = 3, 4, 5

MASKS = {
    "no mask": None,
    "padded": np.arange(23) < np.array([[23], [11], [4]]),
    "padded in front": np.arange(23) >= np.array([[0], [11], [19]]),
    "gaps": np.random.default_rng(1).random((BATCH, 23)) < 0.5,
    "one row without steps": np.arange(23) < np.array([[23], [0], [9]]),
}


def pair(**arguments):
    """Keras's layer and ours, with the same weights, none of them zero."""
    ours, theirs = (kind(UNITS, seed=7, **arguments) for kind in (LSTM, layers.LSTM))
    for layer in (ours, theirs):
        layer.build((BATCH, None, FEATURES))
    weights = [np.random.default_rng(2).normal(size=w.shape) for w in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def sequences(timesteps=23, batch=BATCH):
    return np.random.default_rng(3).normal(size=(batch, timesteps, FEATURES)).astype("float32")


def close(ours, theirs, tolerance=1e-5):
    ours, theirs = keras.tree.flatten(ours), keras.tree.flatten(theirs)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        one, other = ops.convert_to_numpy(one), ops.convert_to_numpy(other)
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "zero_output_for_mask": True},
        {"return_sequences": True, "return_state": True},
        {"return_state": True, "go_backwards": True},
        {"use_bias": False},
        {"unroll": True, "return_sequences": True},
        {"activation": "relu"},
        {"use_cudnn": False},
    ],
    ids=str,
)
def test_results_are_those_of_keras(arguments, mask):
    ours, theirs = pair(**arguments)
    x = sequences()
    close(ours(x, mask=mask), theirs(x, mask=mask))


@pytest.mark.parametrize("timesteps", [1, 9, 10, 11, 40])
def test_any_length(timesteps):
    ours, theirs = pair(return_sequences=True, return_state=True)
    x = sequences(timesteps)
    close(ours(x), theirs(x))


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_from_an_initial_state(mask):
    ours, theirs = pair(return_sequences=True, return_state=True)
    x = sequences()
    state = [np.random.default_rng(i).normal(size=(BATCH, UNITS)).astype("float32") for i in (4, 5)]
    close(ours(x, initial_state=state, mask=mask), theirs(x, initial_state=state, mask=mask))


def test_stateful_layers_continue():
    x = sequences()
    results = []
    for layer in pair(stateful=True, return_sequences=True):
        results.append([layer(x), layer(x)])
    close(*results)


@pytest.mark.parametrize("rates", [(0.4, 0.0), (0.0, 0.4), (0.3, 0.4)])
def test_dropout_draws_the_same_masks(rates):
    ours, theirs = pair(dropout=rates[0], recurrent_dropout=rates[1], return_sequences=True)
    x = sequences()
    close(ours(x, training=True), theirs(x, training=True))
    close(ours(x, training=False), theirs(x, training=False))


def test_a_length_that_is_not_known_before_the_call():
    x = sequences(17)
    mask = np.arange(17) < np.array([[17], [11], [4]])
    results = []
    for layer in pair(return_sequences=True, return_state=True):
        inputs = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
        model = keras.Model(inputs, layer(inputs[0], mask=inputs[1]))
        results.append(model.predict([x, mask], verbose=0))
    close(*results)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients of TensorFlow")
@pytest.mark.parametrize("mask", [MASKS["no mask"], MASKS["gaps"]], ids=["no mask", "gaps"])
def test_gradients_are_those_of_keras(mask):
    import tensorflow as tf

    x = tf.constant(sequences())
    results = []
    for layer in pair(return_sequences=True, dropout=0.2):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = ops.sum(layer(x, mask=mask, training=True) ** 3)
            first = inner.gradient(loss, [x, *layer.trainable_variables])
            norm = sum(ops.sum(gradient**2) for gradient in first)
        second = outer.gradient(norm, [x, *layer.trainable_variables])
        results.append([first, second])
    ours, theirs = (keras.tree.map_structure(ops.convert_to_numpy, each) for each in results)
    for one, other in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


def test_half_precision():
    ours, theirs = pair(return_sequences=True, dtype="mixed_bfloat16")
    assert ours(sequences()).dtype == theirs(sequences()).dtype
    close(ours(sequences()), theirs(sequences()), tolerance=0.05)


def test_both_directions():
    x, mask = sequences(), MASKS["padded"]
    results = []
    for layer in pair(return_sequences=True):
        both = layers.Bidirectional(layer)
        both.build(x.shape)
        both.set_weights(2 * layer.get_weights())
        results.append(both(x, mask=mask))
    close(*results)


def test_saved_models_load(tmp_path):
    model = keras.Sequential([keras.Input((None, FEATURES)), LSTM(UNITS, dropout=0.1)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is LSTM
    close(loaded(sequences()), model(sequences()))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the loop of TensorFlow")
def test_a_batch_without_sequences():
    """Keras's own loop fails on TensorFlow."""
    assert LSTM(UNITS, return_sequences=True)(sequences(batch=0)).shape == (0, 23, UNITS)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the loop of TensorFlow")
def test_its_own_loop_runs(monkeypatch):
    """The comparisons above would also pass if Keras's loop ran in both layers."""
    monkeypatch.setattr(layers.LSTM, "inner_loop", lambda *args, **kwargs: 1 / 0)
    assert LSTM(UNITS)(sequences()).shape == (BATCH, UNITS)
    with pytest.raises(ZeroDivisionError):
        LSTM(UNITS, activation="relu")(sequences())


def with_zoneout(rate, **arguments):
    """Our layer, and Keras's loop over the cell that adds zoneout, with the same weights."""
    ours = LSTM(UNITS, zoneout=rate, seed=7, return_sequences=True, **arguments)
    cell = ZoneoutCell(layers.LSTMCell(UNITS, seed=7, **arguments), [rate, rate])
    theirs = layers.RNN(cell, return_sequences=True)
    for layer in (ours, theirs):
        layer.build((BATCH, None, FEATURES))
    weights = [np.random.default_rng(2).normal(size=w.shape) for w in ours.get_weights()]
    ours.set_weights(weights)
    cell.cell.set_weights(weights)
    return ours, theirs


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("arguments", [{}, {"activation": "relu"}], ids=["windows", "cell"])
def test_zoneout_takes_the_expectation_at_inference(arguments, mask):
    ours, theirs = with_zoneout(0.3, **arguments)
    close(ours(sequences(), mask=mask), theirs(sequences(), mask=mask))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients of TensorFlow")
def test_gradients_with_zoneout():
    import tensorflow as tf

    x = tf.constant(sequences())
    gradients = []
    for layer in with_zoneout(0.3):
        with tf.GradientTape() as tape:
            loss = ops.sum(layer(x, mask=MASKS["gaps"]) ** 3)
        gradients.append(tape.gradient(loss, layer.trainable_variables))
    close(*gradients, tolerance=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"activation": "relu"}, {"recurrent_dropout": 0.4}],
    ids=["windows", "cell", "recurrent dropout"],
)
def test_zoneout_keeps_old_values_in_training(arguments):
    """Gates that are open, and a forget gate that is closed: a step's values follow its input."""
    units, timesteps, rate = 500, 23, 0.3
    layer = LSTM(units, zoneout=rate, seed=0, return_sequences=True, return_state=True, **arguments)
    layer.build((1, None, 1))
    open_gate, closed, zeros = np.full(units, 50.0), np.full(units, -50.0), np.zeros(units)
    kernel = np.concatenate([zeros, zeros, np.ones(units), zeros])
    bias = np.concatenate([open_gate, closed, zeros, open_gate])
    layer.set_weights([kernel[None], np.zeros((units, 4 * units)), bias])
    x = np.linspace(0.1, 0.9, timesteps).astype("float32")
    hidden, _, carry = map(ops.convert_to_numpy, layer(x[None, :, None], training=True))

    squash = layer.cell.activation
    carries = ops.convert_to_numpy(squash(x))
    hiddens = ops.convert_to_numpy(squash(carries))
    before = np.concatenate([np.zeros((1, units)), hidden[0, :-1]])
    is_kept = np.isclose(hidden[0], before)
    np.testing.assert_array_equal(np.isclose(hidden[0], hiddens[:, None]), ~is_kept)
    # 500 draws at each step, about 4 standard deviations.
    np.testing.assert_allclose(is_kept.mean(axis=1), rate, atol=0.08)
    np.testing.assert_allclose((is_kept[1:] & is_kept[:-1]).mean(), rate**2, atol=0.02)
    # The carry is held by a mask of its own.
    is_new = np.isclose(carry[0], carries[-1])
    assert is_new.mean() == pytest.approx(1 - rate, abs=0.08)
    assert (is_new & is_kept[-1]).mean() == pytest.approx(rate * (1 - rate), abs=0.08)


def test_layers_with_zoneout_load(tmp_path):
    layer = LSTM(UNITS, use_cudnn=False, zoneout=0.2)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.layers[0].use_cudnn, loaded.layers[0].zoneout) == (False, 0.2)
    close(loaded(sequences()), model(sequences()))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_zoneout_is_a_probability(rate):
    with pytest.raises(ValueError, match=r"`zoneout` must be in \[0, 1\)"):
        LSTM(UNITS, zoneout=rate)

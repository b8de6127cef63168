"""Chrono initialization of LSTM and GRU."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import NRNM
from nrnm_keras.layers import LSTM, ChronoInitializer

UNITS, LONGEST = 1000, 101


def layer_of(recurrence, **options):
    chrono = ChronoInitializer(LONGEST, recurrence, seed=1)
    options["recurrent_initializer"] = "zeros"  # orthogonal takes long
    if recurrence == "lstm":
        return LSTM(UNITS, bias_initializer=chrono, unit_forget_bias=False, **options)
    return layers.GRU(UNITS, bias_initializer=chrono, **options)


def bias_of(layer):
    layer.build((None, None, 1))
    return ops.convert_to_numpy(layer.cell.bias)


def assert_log_uniform(bias):
    """`exp` of it is uniform from 1 to 100."""
    times = np.exp(bias)
    assert 1 <= times.min() < 2 and 99 < times.max() <= 100
    counts, _ = np.histogram(times, bins=10, range=(1, 100))
    assert np.abs(counts - 100).max() < 5 * 9.5  # standard deviations of a count


def test_gates_of_an_lstm():
    i, f, c, o = np.split(bias_of(layer_of("lstm")), 4)
    assert_log_uniform(f)
    np.testing.assert_array_equal(i, -f)
    assert not c.any() and not o.any()


@pytest.mark.parametrize("reset_after", [True, False])
def test_gates_of_a_gru(reset_after):
    bias = bias_of(layer_of("gru", reset_after=reset_after))
    if reset_after:
        bias, recurrent = bias
        assert not recurrent.any()
    z, r, h = np.split(bias, 3)
    assert_log_uniform(z)
    assert not r.any() and not h.any()


@pytest.mark.parametrize("recurrence", ["lstm", "gru"])
def test_half_of_a_state_is_left_after_the_units_time(recurrence):
    """Without input, a state decays like `(u / (u + 1)) ** t`, about `exp(-t / u)`."""
    layer = layer_of(recurrence, return_sequences=False, return_state=True)
    bias = bias_of(layer)
    times = np.exp(np.split(bias, 4)[1] if recurrence == "lstm" else np.split(bias[0], 3)[0])
    layer.cell.kernel.assign(ops.zeros(layer.cell.kernel.shape))
    state = [ops.ones((1, UNITS))] * (2 if recurrence == "lstm" else 1)
    *_, last = layer(np.zeros((1, 20, 1), "float32"), initial_state=state)
    np.testing.assert_allclose(last[0], (times / (times + 1)) ** 20, rtol=1e-4)


@pytest.mark.parametrize("backbone", ["lstm", "gru"])
def test_the_memory_beside_starts_as_by_default(backbone):
    chrono = ChronoInitializer(LONGEST, backbone)
    unit_forget_bias = backbone == "gru"
    layer = NRNM(6, backbone=backbone, bias_initializer=chrono, unit_forget_bias=unit_forget_bias)
    default = NRNM(6, backbone=backbone)
    for each in (layer, default):
        each.build((None, None, 3))
    bias = ops.convert_to_numpy(layer.cell.bias).reshape(-1)[: 4 * 6]
    assert np.any(bias > 1)  # one of log(1 to 100)
    weights = {w.path.partition("/")[2]: w for w in default.cell.memory.weights}
    biases = [w for w in layer.cell.memory.weights if "bias" in w.name]
    assert len(biases) == 3
    for each in biases:
        expected = weights[each.path.partition("/")[2]]
        np.testing.assert_array_equal(each, expected)


def test_saved_layers_load(tmp_path):
    model = keras.Sequential([keras.Input((None, 1)), layer_of("lstm")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert loaded.get_config()["bias_initializer"]["config"]["longest"] == LONGEST
    again = ChronoInitializer.from_config(loaded.cell.bias_initializer.get_config())
    np.testing.assert_array_equal(again((8,)), ChronoInitializer(LONGEST, seed=1)((8,)))


@pytest.mark.parametrize(
    ("arguments", "message"), [((2,), "at least 3"), ((9, "rnn"), "one of .* recurrence='rnn'")]
)
def test_unusable_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ChronoInitializer(*arguments)

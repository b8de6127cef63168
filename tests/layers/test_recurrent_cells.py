"""The recurrences to compare with, against their equations in NumPy, one step at a time."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import NRNM
from nrnm_keras.layers import (
    ElementAttentionCell,
    HighOrderRNNCell,
    RelationalMemoryCell,
    ZoneoutCell,
)
from tests.layers.common import FEATURES, UNITS, close, masks, randomize, sequences
from tests.layers.oracle import normalize, sigmoid

TIMESTEPS = 9


def simple_step(w, x, hidden):
    return np.tanh(x @ w["kernel"] + hidden @ w["recurrent_kernel"] + w["bias"])


def lstm_step(w, x, hidden, cell):
    i, f, c, o = np.split(x @ w["kernel"] + hidden @ w["recurrent_kernel"] + w["bias"], 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(cell), cell


def gru_step(w, x, hidden):
    xz, xr, xh = np.split(x @ w["kernel"] + w["bias"][0], 3)
    hz, hr, hh = np.split(hidden @ w["recurrent_kernel"] + w["bias"][1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * hidden + (1 - z) * np.tanh(xh + r * hh)


def high_order(w, xs):
    past = [np.zeros(UNITS)] * 3
    for x in xs:
        past = [simple_step(w, x, np.concatenate(past)), *past[:2]]
        yield past[0]


def attended(w, x, hidden):
    scores = x @ w["attention_kernel"] + hidden @ w["attention_recurrent_kernel"]
    return sigmoid(scores + w["attention_bias"]) * x


def element_attention_rnn(w, xs):
    hidden = np.zeros(UNITS)
    for x in xs:
        hidden = simple_step(w, attended(w, x, hidden), hidden)
        yield hidden


def element_attention_gru(w, xs):
    hidden = np.zeros(UNITS)
    for x in xs:
        hidden = gru_step(w, attended(w, x, hidden), hidden)
        yield hidden


def element_attention_lstm(w, xs):
    hidden, cell = np.zeros(UNITS), np.zeros(UNITS)
    for x in xs:
        hidden, cell = lstm_step(w, attended(w, x, hidden), hidden, cell)
        yield hidden


def relational_memory(w, xs, slots=2, heads=2):
    size = UNITS // slots
    cells, outputs = np.eye(slots, size), np.zeros((slots, size))
    for x in xs:
        sources = np.vstack([cells, x @ w["input_kernel"] + w["input_bias"]])
        mixed = []
        for head in np.split(np.arange(size), heads):
            query = (cells @ w["query_kernel"])[:, head]
            key, value = (
                (sources @ w["key_kernel"])[:, head],
                (sources @ w["value_kernel"])[:, head],
            )
            weights = np.exp(query @ key.T / np.sqrt(len(head)))
            mixed.append(weights / weights.sum(-1, keepdims=True) @ value)
        y = normalize(cells + np.hstack(mixed), w["attention_scale"], w["attention_offset"])
        hidden = np.maximum(y @ w["hidden_kernel"] + w["hidden_bias"], 0)
        dense = hidden @ w["dense_kernel"] + w["dense_bias"]
        candidates = normalize(y + dense, w["dense_scale"], w["dense_offset"])
        gates = x @ w["gate_kernel"] + w["gate_bias"] + outputs @ w["gate_recurrent_kernel"]
        f, i, o = np.split(gates, 3, axis=-1)
        cells = sigmoid(f + 1) * cells + sigmoid(i) * np.tanh(candidates)
        outputs = sigmoid(o) * np.tanh(cells)
        yield outputs.reshape(-1)


def zoneout_lstm(w, xs):
    hidden, cell = np.zeros(UNITS), np.zeros(UNITS)
    for x in xs:
        new_hidden, new_cell = lstm_step(w, x, hidden, cell)
        hidden, cell = 0.3 * hidden + 0.7 * new_hidden, 0.1 * cell + 0.9 * new_cell
        yield hidden


CELLS = {
    "high_order": (lambda: HighOrderRNNCell(UNITS), high_order),
    "eleatt_rnn": (
        lambda: ElementAttentionCell(layers.SimpleRNNCell(UNITS)),
        element_attention_rnn,
    ),
    "eleatt_gru": (lambda: ElementAttentionCell(layers.GRUCell(UNITS)), element_attention_gru),
    "eleatt_lstm": (lambda: ElementAttentionCell(layers.LSTMCell(UNITS)), element_attention_lstm),
    "relational_memory": (
        lambda: RelationalMemoryCell(UNITS, slots=2, num_heads=2),
        relational_memory,
    ),
    "zoneout": (lambda: ZoneoutCell(layers.LSTMCell(UNITS), [0.3, 0.1]), zoneout_lstm),
}


def random_layer(name, **options):
    layer = layers.RNN(CELLS[name][0](), return_sequences=True, **options)
    layer.build((None, None, FEATURES))
    return randomize(layer)


def expected_outputs(name, layer, xs):
    weights = {w.name: ops.convert_to_numpy(w).astype("float64") for w in layer.weights}
    return list(CELLS[name][1](weights, xs.astype("float64")))


@pytest.mark.parametrize("kind", ["none", *masks(1)])
@pytest.mark.parametrize("name", CELLS)
def test_equals_the_equations(name, kind):
    layer, xs = random_layer(name, zero_output_for_mask=True), sequences(TIMESTEPS)
    mask = masks(TIMESTEPS).get(kind, np.ones((len(xs), TIMESTEPS), bool))
    outputs = ops.convert_to_numpy(layer(xs, mask=ops.convert_to_tensor(mask)))
    for row, valid, given in zip(xs, mask, outputs, strict=True):
        assert not given[~valid].any()
        if valid.any():
            close(given[valid], np.stack(expected_outputs(name, layer, row[valid])))


@pytest.mark.parametrize("name", CELLS)
def test_saved_and_loaded(name, tmp_path):
    model = keras.Sequential([keras.Input((None, FEATURES)), random_layer(name)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    close(loaded(sequences(4)), model(sequences(4)), 1e-7)


@pytest.mark.parametrize("name", CELLS)
def test_step_by_step_with_the_state_carried(name):
    layer, xs = random_layer(name), sequences(4)
    states = layer.cell.get_initial_state(batch_size=len(xs))
    assert [state.shape[-1] for state in states] == layer.cell.state_size
    for step, output in enumerate(np.swapaxes(ops.convert_to_numpy(layer(xs)), 0, 1)):
        given, states = layer.cell(xs[:, step], states)
        close(given, output)


def test_high_order_rnn_is_the_backbone_of_the_memory():
    """Until the first write, that is."""
    layer, xs = random_layer("high_order"), sequences(7)
    nrnm = NRNM(UNITS, num_heads=2, backbone="high_order_rnn", return_sequences=True)
    nrnm.build(xs.shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        getattr(nrnm.cell, name).assign(getattr(layer.cell, name))
    close(nrnm(xs), layer(xs))


def test_order_1_is_the_simple_rnn():
    layer = layers.RNN(HighOrderRNNCell(UNITS, order=1))
    simple = layers.SimpleRNN(UNITS)
    for each in (layer, simple):
        each.build((None, None, FEATURES))
    simple.set_weights(randomize(layer).get_weights())
    close(layer(sequences(5)), simple(sequences(5)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: HighOrderRNNCell(UNITS, dropout=0.5, recurrent_dropout=0.5, seed=1),
        lambda: ElementAttentionCell(layers.GRUCell(UNITS, dropout=0.5, seed=1)),
        lambda: ElementAttentionCell(layers.GRUCell(UNITS, recurrent_dropout=0.5, seed=1)),
        lambda: ZoneoutCell(layers.LSTMCell(UNITS, recurrent_dropout=0.5, seed=1), [0.5, 0.5], 1),
    ],
)
def test_dropouts_act_in_training_only_and_follow_the_seed(make):
    def run(**options):
        cell = make()
        layer = layers.RNN(cell)
        layer.build((None, None, FEATURES))
        randomize(layer)
        return [ops.convert_to_numpy(layer(sequences(6), **options)) for _ in range(2)]

    first, second = run(training=True)
    assert np.abs(first - second).max() > 1e-3
    close(run(training=True), [first, second], 1e-7)
    close(*run(training=False), 0)


def test_zoneout_keeps_each_unit_or_not():
    cell = ZoneoutCell(layers.SimpleRNNCell(1000), [0.3], seed=0)
    layer = layers.RNN(cell, return_sequences=True)
    xs = np.ones((2, 3, 1), "float32")
    layer.build(xs.shape)
    layer.set_weights([np.ones((1, 1000)), np.zeros((1000, 1000)), np.full(1000, 0.5)])
    outputs = ops.convert_to_numpy(layer(xs, training=True))
    kept = outputs[:, 0] == 0
    np.testing.assert_allclose(outputs[:, 0][~kept], np.tanh(1.5), rtol=1e-6)
    assert abs(kept.mean() - 0.3) < 0.05  # 4.9 standard errors
    assert (kept[0] != kept[1]).any()
    # A unit that was kept at zero once gets another draw.
    assert abs((outputs[:, 1] == 0).mean() - 0.09) < 0.04


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: HighOrderRNNCell(8, order=0), "order=0"),
        (lambda: RelationalMemoryCell(12, slots=2, num_heads=4), "units=12"),
        (lambda: RelationalMemoryCell(8, slots=0, num_heads=4), "slots=0"),
        (lambda: ZoneoutCell(layers.LSTMCell(8), [0.1]), "must have 2 numbers"),
        (lambda: ZoneoutCell(layers.GRUCell(8), [1.0]), r"rates=\[1.0\]"),
    ],
)
def test_bad_arguments_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()

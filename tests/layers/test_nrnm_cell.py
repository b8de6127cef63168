"""The cell: against the oracle, its arguments, its randomness."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from nrnm_keras import NRNM, NRNMCell
from tests.layers.common import (
    FEATURES,
    HEADS,
    SIZES,
    UNITS,
    close,
    randomize,
    sequences,
    sizes_of,
)
from tests.layers.oracle import Oracle

BACKBONES = ["lstm", "gru", "rnn", "high_order_rnn"]


def built_cell(block_size=4, stride=2, window_size=None, **kwargs):
    cell = NRNMCell(UNITS, **sizes_of(block_size, stride, window_size), num_heads=HEADS, **kwargs)
    cell.build((None, FEATURES))
    return randomize(cell)


def loop(cell, x, states=None, **kwargs):
    """Outputs and last states of step-by-step calls."""
    states = cell.get_initial_state(len(x)) if states is None else states
    step = tf.function(lambda inputs, states: cell(inputs, states, **kwargs), autograph=False)
    outputs = []
    for t in range(x.shape[1]):
        output, states = step(tf.constant(x[:, t]), states)
        outputs.append(ops.convert_to_numpy(output))
    return np.stack(outputs, axis=1), states


def assert_agrees_with_the_equations(layer):
    """Compares a layer that returns sequences, and its cell, with the oracle."""
    x = sequences(29)
    layer.build(x.shape)
    randomize(layer)
    expected = np.array([Oracle(layer.cell).run(sequence) for sequence in x])
    close(loop(layer.cell, x)[0], expected)
    close(layer(x), expected)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("interaction", ["self_attention", "linear"])
@pytest.mark.parametrize("sizes", SIZES)
def test_cell_and_layer_agree_with_the_equations(backbone, interaction, sizes):
    layer = NRNM(
        UNITS,
        **sizes_of(*sizes),
        num_heads=HEADS,
        backbone=backbone,
        interaction=interaction,
        return_sequences=True,
        zoneout=(0.1, 0.3) if backbone == "lstm" else 0.1,
    )
    assert_agrees_with_the_equations(layer)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_reading_by_attention_agrees_with_the_equations(sizes, use_bias):
    options = {"num_heads": HEADS, "memory_read": "attention", "use_bias": use_bias}
    layer = NRNM(UNITS, **sizes_of(*sizes), return_sequences=True, **options)
    assert_agrees_with_the_equations(layer)


@pytest.mark.parametrize("memory_units", [2, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interaction": "linear"},
        {"memory_read": "attention"},
        {"use_bias": False},
        {"backbone": "gru"},
    ],
)
@pytest.mark.parametrize("sizes", SIZES)
def test_another_width_of_the_memory_agrees_with_the_equations(sizes, options, memory_units):
    layer = NRNM(
        UNITS,
        **sizes_of(*sizes),
        **options,
        num_heads=HEADS,
        memory_units=memory_units,
        return_sequences=True,
    )
    assert_agrees_with_the_equations(layer)


def test_weights_of_the_memory():
    """H units and features, k = 8, s = 4: of H / 4 units, 3.125 H^2 in place of 31 H^2."""
    sizes = {"block_size": 8, "stride": 4, "use_bias": False}
    full, narrow = NRNMCell(16, **sizes), NRNMCell(16, memory_units=4, **sizes)
    for cell, memory, norms in ((full, 31 * 16**2, 4 * 16), (narrow, 3.125 * 16**2, 4 * 4)):
        cell.build((None, 16))
        assert cell.count_params() == 8 * 16**2 + memory + norms


def test_a_memory_as_wide_as_the_hidden_state_is_that_of_the_paper():
    given, default = (built_cell(name="cell", **o) for o in ({"memory_units": UNITS}, {}))
    assert given.get_config() == default.get_config()
    assert not any("hidden_kernel" in weight.path for weight in given.weights)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_without_biases(backbone):
    cell = built_cell(backbone=backbone, use_bias=False)
    x = sequences(13)
    assert not any("bias" in weight.name for weight in cell.weights)
    close(loop(cell, x)[0], np.array([Oracle(cell).run(sequence) for sequence in x]))


@pytest.mark.parametrize(
    ("backbone", "keras_layer"),
    [("lstm", keras.layers.LSTM), ("gru", keras.layers.GRU), ("rnn", keras.layers.SimpleRNN)],
)
@pytest.mark.parametrize("memory_read", ["gate", "attention"])
def test_before_the_first_write_it_is_its_backbone(backbone, keras_layer, memory_read):
    cell = built_cell(block_size=8, stride=4, backbone=backbone, memory_read=memory_read)
    reference = keras_layer(UNITS, return_sequences=True)
    x = sequences(12)
    reference.build(x.shape)
    reference.set_weights([w.numpy() for w in (cell.kernel, cell.recurrent_kernel, cell.bias)])
    outputs, expected = loop(cell, x)[0], ops.convert_to_numpy(reference(x))
    close(outputs[:, :8], expected[:, :8], 1e-6)
    assert np.abs(outputs[:, 8] - expected[:, 8]).max() > 1e-2


def test_defaults():
    cell = NRNMCell(UNITS)
    cell.build((None, FEATURES))
    assert (cell.block_size, cell.stride, cell.window_size) == (8, 4, 8)
    assert not cell.memory.reader.kernel.numpy().any()
    assert (cell.memory.reader.gate_bias.numpy() == -1).all()
    assert (cell.memory.write_gate_bias.numpy() == [0] * UNITS + [1] * UNITS).all()
    expected = [0] * UNITS + [1] * UNITS + [0] * 2 * UNITS
    assert (cell.bias.numpy() == expected).all()


def test_bias_of_the_memory_s_forget_gate_starts_where_it_is_told():
    cell = NRNMCell(UNITS, memory_forget_bias=3.5)
    cell.build((None, FEATURES))
    assert (cell.memory.write_gate_bias.numpy() == [0] * UNITS + [3.5] * UNITS).all()
    assert (cell.bias.numpy()[UNITS : 2 * UNITS] == 1).all()


def test_kernels_of_one_shape_start_different():
    cell = NRNMCell(UNITS)
    cell.build((None, UNITS))
    square = [w.numpy() for w in cell.trainable_weights if w.shape == (UNITS, UNITS)]
    assert len(square) == 3
    assert not any(np.array_equal(a, b) for i, a in enumerate(square) for b in square[:i])


def test_parameters_of_the_paper_s_model():
    # 3 layers of 256 units on 150 features, memory in the middle one: DESIGN counts 3.5 M.
    layers = [keras.layers.LSTM(256), NRNMCell(256), keras.layers.LSTM(256)]
    for layer, features in zip(layers, (150, 256, 256), strict=True):
        layer.build((None, 100, features) if layer.name.startswith("lstm") else (None, features))
    parameters = sum(layer.count_params() for layer in layers) + 256 * 60 + 60
    assert round(parameters / 1e6, 1) == 3.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer.*units=0"),
        ({"units": 10, "num_heads": 4}, "`units` must be a multiple of num_heads=4.*units=10"),
        ({"block_size": 6}, "`block_size` must be a multiple of stride=4.*block_size=6"),
        ({"window_size": 6}, "`window_size` must be a multiple of stride=4.*window_size=6"),
        ({"stride": 0}, "`stride` must be a positive integer"),
        ({"num_heads": 2.0}, "`num_heads` must be a positive integer"),
        ({"backbone": "lstn"}, "`backbone` must be one of .*'gru'.*backbone='lstn'"),
        ({"interaction": "none"}, "`interaction` must be one of .*'linear'.*"),
        ({"memory_read": "all"}, "`memory_read` must be one of .*'attention'.*"),
        ({"memory_units": 0}, "`memory_units` must be a positive integer.*memory_units=0"),
        ({"memory_units": 6, "num_heads": 4}, "`memory_units` must be a multiple of num_heads=4"),
        ({"memory_forget_bias": "1"}, "`memory_forget_bias` must be a number.*'1'"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\).*dropout=1.0"),
        ({"recurrent_dropout": -0.1}, "`recurrent_dropout` must be"),
        ({"memory_dropout": 2}, "`memory_dropout` must be"),
        ({"zoneout": 1.5}, "`zoneout` must be.*zoneout=1.5"),
        ({"zoneout": (0.1, 0.1, 0.1)}, "`zoneout` must be.*a pair"),
        ({"zoneout": (0.1, 0.1), "backbone": "gru"}, "backbone='gru' has no cell state"),
    ],
)
@pytest.mark.parametrize("layer", [NRNMCell, NRNM])
def test_unusable_arguments(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**{"units": 8, **arguments})


def test_counts_steps_exactly_beyond_what_the_dtype_holds():
    # 8 bits of mantissa: a plain count in bfloat16 would stick at 256.
    cell = NRNMCell(UNITS, **sizes_of(4, 2), num_heads=HEADS, dtype="mixed_bfloat16")
    x = sequences(300, batch_size=1)
    cell.build((None, FEATURES))
    _, states = loop(cell, x)
    assert ops.convert_to_numpy(states[-1]).astype(int).tolist() == [[300 - 256, 1, 0]]


def test_a_count_that_wraps_keeps_its_phase():
    from nrnm_keras.layers.nrnm import step_counter

    cell = NRNMCell(UNITS, **sizes_of(8, 4, 12), num_heads=HEADS)
    last = 256**3 - 1
    steps = ops.convert_to_tensor([last], "int32")
    after = int(cell.advance(steps, 1)[0])
    assert after < last
    assert after >= cell.block_size
    assert (after - (last + 1)) % cell.window_size == 0
    digits = step_counter.to_digits(steps, "bfloat16")
    assert int(step_counter.to_steps(digits)[0]) == last

"""The layer: equal to the cell's loop in outputs, states and gradients, in every situation."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from nrnm_keras import NRNM
from tests.layers.common import (
    FEATURES,
    HEADS,
    LENGTHS,
    SIZES,
    UNITS,
    close,
    masks,
    randomize,
    sequences,
    sizes_of,
)
from tests.layers.oracle import Oracle

BACKBONES = ["lstm", "gru", "rnn", "high_order_rnn"]


@functools.cache  # tracing the cell takes longer than running it
def pair(sizes=(8, 4, 8), timesteps=29, **kwargs):
    """A layer, and the loop over its cell."""
    arguments = {"return_sequences": True, "return_state": True}
    run = {
        name: kwargs.pop(name)
        for name in ("go_backwards", "zero_output_for_mask", "return_sequences")
        if name in kwargs
    }
    layer = NRNM(UNITS, **sizes_of(*sizes), num_heads=HEADS, **{**arguments, **run}, **kwargs)
    layer.build((4, timesteps, FEATURES))
    randomize(layer)
    # Eagerly the loop would take five times as long.
    layer.cell.call = tf.function(layer.cell.call, autograph=False)
    return layer, keras.layers.RNN(layer.cell, **{**arguments, **run})


def with_gradients(layer, x, initial_state=None, **kwargs):
    """Outputs and states, and the gradients of a random projection of all of them."""
    x = tf.constant(x)
    initial_state = [tf.constant(state) for state in initial_state or []]
    rng = np.random.default_rng(5)
    with tf.GradientTape() as tape:
        tape.watch([x, initial_state])
        results = layer(x, initial_state=initial_state or None, **kwargs)
        loss = sum(tf.reduce_sum(y * rng.normal(size=y.shape)) for y in results[:-1])
    # The count of the steps, the last state, has no gradient.
    weights = [weight.value for weight in layer.cell.trainable_weights]
    sources = [x, *weights, *initial_state[:-1]]
    zero = tf.UnconnectedGradients.ZERO
    gradients = tape.gradient(loss, sources, unconnected_gradients=zero)
    return results, gradients


def states_in_the_middle(layer, seed=3):
    """States of sequences that were left at different places of their windows."""
    x = sequences(13, seed=seed)
    mask = np.arange(13) < np.array([[13], [6], [11], [1]])
    return [ops.convert_to_numpy(state) for state in layer(x, mask=mask)[1:]]


def assert_equal(layer, loop, x, **kwargs):
    results, gradients = with_gradients(layer, x, **kwargs)
    expected_results, expected_gradients = with_gradients(loop, x, **kwargs)
    close(results, expected_results)
    close(gradients, expected_gradients)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("timesteps", LENGTHS)
def test_equals_the_loop(sizes, timesteps):
    assert_equal(*pair(sizes), sequences(timesteps))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"interaction": "linear"}, {"memory_read": "attention"}, {"memory_units": 2}],
)
def test_equals_the_loop_in_training(arguments):
    assert_equal(*pair(**arguments), sequences(29), training=True)


@pytest.mark.parametrize("backbone", ["lstm", "gru"])
def test_equals_the_loop_that_drops_the_same_units(backbone):
    rates = {"dropout": 0.3, "recurrent_dropout": 0.4}
    layer, loop = pair(backbone=backbone, seed=1, **rates)
    drawn = ops.copy(layer.cell.seed_generator.state.value)
    results, gradients = with_gradients(layer, sequences(29), training=True)
    layer.cell.seed_generator.state.assign(drawn)
    expected_results, expected_gradients = with_gradients(loop, sequences(29), training=True)
    close(results, expected_results)
    close(gradients, expected_gradients)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("mask", ["right", "left", "holes", "empty_row"])
def test_equals_the_loop_under_masks(sizes, mask):
    assert_equal(*pair(sizes), sequences(29), mask=masks(29)[mask])


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(
    ("timesteps", "mask"),
    [
        *(pytest.param(length, None, marks=pytest.mark.slow) for length in LENGTHS),
        *((3, "holes"), (29, "holes"), (29, "empty_row")),
    ],
)
def test_equals_the_loop_from_the_middle_of_a_window(sizes, timesteps, mask):
    layer, loop = pair(sizes)
    assert_equal(
        layer,
        loop,
        sequences(timesteps),
        initial_state=states_in_the_middle(loop),
        mask=mask and masks(timesteps)[mask],
    )


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("interaction", ["self_attention", "linear"])
def test_equals_the_loop_for_every_backbone(backbone, interaction):
    layer, loop = pair((6, 2, 4), backbone=backbone, interaction=interaction, zoneout=0.2)
    assert_equal(
        layer,
        loop,
        sequences(29),
        initial_state=states_in_the_middle(loop),
        mask=masks(29)["empty_row"],
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"go_backwards": True},
        {"zero_output_for_mask": True},
        {"return_sequences": False},
        {"return_sequences": False, "zero_output_for_mask": True},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        {"unroll": True},
        {"zoneout": (0.3, 0.1)},
        {"use_bias": False},
        {"memory_read": "attention"},
        {"memory_units": 2},
    ],
)
@pytest.mark.parametrize(
    "mask", ["holes", *(pytest.param(mask, marks=pytest.mark.slow) for mask in (None, "right"))]
)
def test_equals_the_loop_with_other_arguments(arguments, mask):
    assert_equal(*pair(**arguments), sequences(21), mask=mask and masks(21)[mask])


def test_masked_steps_agree_with_the_equations():
    layer, _ = pair((6, 2, 4))
    x, mask = sequences(29), masks(29)["holes"]
    expected = [Oracle(layer.cell).run(*row) for row in zip(x, mask, strict=True)]
    close(layer(x, mask=mask)[0], np.array(expected))


def test_what_is_masked_does_not_matter():
    layer, _ = pair()
    x, mask = sequences(29), masks(29)["holes"]
    other = np.where(mask[..., None], x, 1e3).astype("f4")
    close(layer(x, mask=mask), layer(other, mask=mask), 0)


@pytest.mark.parametrize("sizes", SIZES)
def test_length_unknown_when_traced(sizes):
    layer, loop = pair(sizes)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, FEATURES))])
    for timesteps in LENGTHS:
        close(run(sequences(timesteps)), loop(sequences(timesteps)))


@pytest.mark.parametrize("sizes", [(4, 2, 4), (6, 2, 4)])
def test_length_unknown_and_batch_size_known(sizes):
    layer, loop = pair(sizes)
    signature = [tf.TensorSpec((4, None, FEATURES)), tf.TensorSpec((4, None), tf.bool)]
    run = tf.function(lambda x, mask: layer(x, mask=mask), input_signature=signature)
    x, mask = sequences(13), masks(13)["holes"]
    close(run(x, mask), loop(x, mask=mask))


def test_length_unknown_in_training():
    layer, loop = pair((4, 2, 4))
    x = sequences(21)
    signature = [tf.TensorSpec((None, None, FEATURES))]
    run = tf.function(lambda x: with_gradients_of_sum(layer, x), input_signature=signature)
    close(run(x), with_gradients_of_sum(loop, tf.constant(x)))


def with_gradients_of_sum(layer, x):
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(tf.sin(y)) for y in layer(x)[:-1])
    return tape.gradient(loss, layer.cell.trainable_weights)


@pytest.mark.slow
def test_jit_compiled():
    layer, loop = pair((4, 2, 4))
    x = tf.constant(sequences(13))
    close(
        tf.function(lambda x: with_gradients_of_sum(layer, x), jit_compile=True)(x),
        with_gradients_of_sum(loop, x),
    )


@pytest.mark.parametrize("chunks", [[8, 8, 5], [1, 1, 19], [3, 10, 1, 7], [21]])
def test_stateful_in_chunks_of_any_length(chunks):
    whole, _ = pair((8, 2, 4))
    layer = NRNM(UNITS, **sizes_of(8, 2, 4), num_heads=HEADS, return_sequences=True, stateful=True)
    layer.build((4, 21, FEATURES))
    layer.set_weights([w.numpy() for w in whole.weights][: len(layer.get_weights())])
    x = sequences(21)
    parts = np.split(x, np.cumsum(chunks)[:-1], axis=1)
    outputs = np.concatenate([ops.convert_to_numpy(layer(part)) for part in parts], axis=1)
    close(outputs, whole(x)[0])
    layer.reset_state()
    close(layer(x), whole(x)[0])


def test_gradients_against_differences():
    layer = NRNM(4, **sizes_of(4, 2), num_heads=2, dtype="float64")
    layer.build((2, 11, 3))
    randomize(layer)
    x = tf.constant(sequences(11, 2, 3), "float64")

    def loss():
        return tf.reduce_sum(layer(x) ** 3)

    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, layer.trainable_weights)
    rng = np.random.default_rng(0)
    for weight, gradient in zip(layer.trainable_weights, gradients, strict=True):
        start, direction = weight.numpy(), rng.normal(size=weight.shape)
        losses = []
        for step in (1e-6, -1e-6):
            weight.assign(start + step * direction)
            losses.append(float(loss()))
        weight.assign(start)
        slope = (losses[0] - losses[1]) / 2e-6
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-5, atol=1e-7)


def test_causal():
    layer, _ = pair()
    x = sequences(29)
    before = ops.convert_to_numpy(layer(x)[0])
    for t in (0, 7, 8, 20):
        changed = x.copy()
        changed[:, t] += 1
        after = ops.convert_to_numpy(layer(changed)[0])
        np.testing.assert_array_equal(before[:, :t], after[:, :t])
        assert np.abs(before[:, t] - after[:, t]).min() > 0


def test_the_first_step_reaches_the_memory_twenty_windows_later():
    # The recurrent state forgets at once: its forget gates are shut. The memory's are open.
    layer = NRNM(UNITS, **sizes_of(8, 4), num_heads=HEADS, return_sequences=True)
    layer.build((1, 168, FEATURES))
    randomize(layer)
    cell = layer.cell
    cell.recurrent_kernel.assign(0 * cell.recurrent_kernel)
    cell.bias.assign(np.repeat([0, -20, 0, 0], UNITS))
    cell.memory.write_gate_kernel.assign(0 * cell.memory.write_gate_kernel)
    cell.memory.write_gate_bias.assign(np.repeat([0, 4], UNITS))
    x = sequences(168, 1)
    changed = x.copy()
    changed[:, 0] += 3
    difference = np.abs(ops.convert_to_numpy(layer(x) - layer(changed)))[0].max(-1)
    assert difference[7] < 1e-6
    assert difference[167] > 1e-4
    cell.memory.reader.kernel.assign(0 * cell.memory.reader.kernel)
    assert np.abs(ops.convert_to_numpy(layer(x) - layer(changed)))[0, 167].max() < 1e-6


def test_attention_weights():
    layer, _ = pair((6, 2, 4))
    x = sequences(21)
    weights, steps = layer.attention_weights(x)
    # Writes after steps 8, 12, 16 and 20: the first end of a window with a full block.
    assert weights.shape == (4, 4, HEADS, 3, 9)
    for row in range(4):
        oracle = Oracle(layer.cell)
        oracle.run(x[row])
        close(weights[row], np.array(oracle.attention))
    expected = [[e - 5, e - 3, e - 1, *range(e - 6, e)] for e in (8, 12, 16, 20)]
    assert steps[2].numpy().tolist() == expected


def test_attention_weights_under_a_mask():
    layer, _ = pair((4, 2, 4))
    x, mask = sequences(9), np.ones((4, 9), bool)
    mask[0, [1, 4]] = False
    mask[1, 3:] = False
    weights, steps = layer.attention_weights(x, mask)
    assert steps[0].numpy().tolist() == [[2, 5, 0, 2, 3, 5], [-1] * 6]
    assert steps[1].numpy().tolist() == [[-1] * 6] * 2
    assert not weights[1].numpy().any()
    close(weights[2], layer.attention_weights(x)[0][2])
    close(weights[0, 0], layer.attention_weights(x[:, [0, 2, 3, 5]])[0][0, 0])


def test_attention_weights_backwards():
    layer, _ = pair((4, 2, 4), go_backwards=True)
    forwards, _ = pair((4, 2, 4))
    x = sequences(9)
    weights, steps = layer.attention_weights(x)
    close(weights, forwards.attention_weights(x[:, ::-1].copy())[0])
    assert steps[0].numpy().tolist() == [[7, 5, 8, 7, 6, 5], [3, 1, 4, 3, 2, 1]]


def test_no_attention_weights_without_attention():
    with pytest.raises(ValueError, match="`interaction` must be 'self_attention'.*'linear'"):
        NRNM(UNITS, interaction="linear").attention_weights(sequences(9))


@pytest.mark.parametrize("shape", [(4, FEATURES), (4, 9, FEATURES, 1)])
def test_wrong_rank(shape):
    with pytest.raises(ValueError, match="expected ndim=3"):
        NRNM(UNITS)(np.zeros(shape, "f4"))


def test_no_attention_weights_before_the_first_write():
    with pytest.raises(ValueError, match="at least 8 time steps"):
        NRNM(UNITS, **sizes_of(6, 2, 4), num_heads=HEADS).attention_weights(sequences(7))

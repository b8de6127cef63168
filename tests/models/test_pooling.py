import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import SequencePooling

SEQUENCES = np.array(
    [
        [[1.0, -5.0], [3.0, -7.0], [100.0, 100.0]],
        [[2.0, -1.0], [50.0, 50.0], [4.0, -2.0]],
        [[9.0, 9.0], [9.0, 9.0], [9.0, 9.0]],
    ]
)
MASK = np.array([[True, True, False], [True, False, True], [False, False, False]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("last", [[3, -7], [4, -2], [0, 0]]),
        ("mean", [[2, -6], [3, -1.5], [0, 0]]),
        ("max", [[3, -5], [4, -1], [0, 0]]),
        ("mean_max", [[2, -6, 3, -5], [3, -1.5, 4, -1], [0, 0, 0, 0]]),
    ],
)
def test_pools_valid_steps_only(mode, expected):
    pooling = SequencePooling(mode)
    pooled = pooling(SEQUENCES, mask=MASK)
    np.testing.assert_allclose(pooled, expected)
    assert pooled.shape == pooling.compute_output_shape(SEQUENCES.shape)


@pytest.mark.parametrize("mode", SequencePooling.MODES)
def test_without_mask_all_steps_count(mode):
    pooling = SequencePooling(mode)
    np.testing.assert_allclose(
        pooling(SEQUENCES), pooling(SEQUENCES, mask=np.ones_like(MASK)), rtol=1e-6
    )


def test_mean_of_a_long_sequence_in_half_precision():
    pooling = SequencePooling("mean", dtype="mixed_float16")
    sequences = np.full((1, 5000, 1), 20.0, "float16")
    np.testing.assert_allclose(pooling(sequences), [[20.0]], rtol=1e-3)


def test_config():
    pooling = SequencePooling.from_config(SequencePooling("mean_max").get_config())
    assert pooling.mode == "mean_max"
    assert keras.saving.get_registered_name(SequencePooling) == "nrnm_keras>SequencePooling"


def test_unknown_mode():
    with pytest.raises(ValueError, match="median"):
        SequencePooling("median")


def test_symbolic_call():
    sequences = keras.layers.Masking()(keras.Input((None, 4)))
    assert SequencePooling("mean_max")(sequences).shape == (None, 8)


def fed(mode, start, values):
    """The pooled values and the state after some more, one at a time, all in one graph."""
    pooling = SequencePooling(mode)
    state = {**pooling.initial_step_state(1, values.shape[-1]), **start}

    @tf.function
    def run(state):
        def step(old, value):
            pooled, new = pooling.step(value, tf.ones((1, 1), bool), old[1])
            return pooled, {name: new[name] for name in state}

        width = pooling.compute_output_shape(values.shape)[-1]
        outputs = tf.scan(step, tf.constant(values), (tf.zeros((1, width)), state))
        return tf.nest.map_structure(lambda each: each[-1], outputs)

    return run(state)


def after(steps, mean):
    """The state after so many steps of a mean, which float32 holds."""
    return {
        "pooled_mean": tf.constant(mean, "float32", (1, 2)),
        "pooled_steps": tf.constant(steps, "int32", (1, 1)),
    }


@pytest.mark.parametrize("steps", [1, 1000, 2**24, 2**24 + 1, 2**27, 2**30])
def test_running_mean_counts_any_number_of_steps(steps):
    values = np.random.default_rng(0).uniform(-1, 0, (20_000, 1, 2)).astype("float32")
    (mean,), state = fed("mean", after(steps, 0.75), values)
    total = steps * 0.75 + values[:, 0].sum(axis=0, dtype="float64")
    np.testing.assert_allclose(mean, total / (steps + len(values)), rtol=1e-7, atol=3e-8)
    assert int(state["pooled_steps"][0, 0]) == steps + len(values)


def test_running_mean_keeps_changes_below_its_last_digit():
    # Each step moves the mean by a thousandth of its last digit.
    values = np.full((5000, 1, 2), 1 - 2**-4, "float32")
    _, state = fed("mean", after(2**30, 1.0), values)
    found = np.float64(state["pooled_mean"]) + np.float64(state["pooled_mean_rest"])
    expected = (2**30 + values[:, 0, 0].sum(dtype="float64")) / (2**30 + len(values))
    np.testing.assert_allclose(1 - found, 1 - expected, rtol=1e-4)


def test_running_mean_after_more_steps_than_an_integer_counts():
    start = after(2**31 - 2, 0.5)
    (mean,), state = fed("mean_max", start, np.ones((9, 1, 2), "float32"))
    assert int(state["pooled_steps"][0, 0]) == 2**31 - 1
    np.testing.assert_allclose(mean, [0.5, 0.5, 1, 1])


def test_large_numbers_of_both_signs_do_not_overflow():
    values = np.array([3e38, 3e38, 3e38, 3e38], "float32")[:, None, None] * [[1, 1]]
    (mean,), _ = fed("mean", {}, values.astype("float32"))
    np.testing.assert_allclose(mean, [3e38, 3e38], rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_running_mean_in_half_precision(policy):
    pooling, mask = SequencePooling("mean", dtype=policy), np.ones((1, 1), "bool")
    state, step = pooling.initial_step_state(1, 1), tf.function(pooling.step)
    for value in np.tile([20.0, 22.0], 1500).astype("float16"):
        pooled, state = step(value[None, None], mask, state)
    assert int(state["pooled_steps"][0, 0]) == 3000
    np.testing.assert_allclose(pooled, [[21.0]], rtol=1e-6)

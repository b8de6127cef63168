import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import RecurrentBackbone, SequenceClassifier, StreamingClassifier
from nrnm_keras.preprocessing import NanPadding, Standardization
from tests.layers.common import close, randomize

FEATURES = 5
# Around writes to the memory, and in between.
LENGTHS = [1, 4, 5, 8, 11]
STEPS = LENGTHS[-1]


def classifier(pooling="last", **arguments):
    arguments = {"num_layers": 3, "nrnm_options": {"block_size": 4, "stride": 2}, **arguments}
    return SequenceClassifier(RecurrentBackbone(8, **arguments), num_classes=3, pooling=pooling)


def network_of(*layers):
    return randomize(keras.Sequential([keras.Input((None, FEATURES)), *layers]))


def run(streaming, sequences):
    """The probabilities after some of the steps, `(lengths, batch, classes)`."""
    state, probabilities = streaming.initial_state(len(sequences)), []
    step = tf.function(streaming.call, autograph=False)
    for t in range(sequences.shape[1]):
        outputs = step({streaming.step_name: tf.constant(sequences[:, t]), **state})
        state = {name: outputs[f"next_{name}"] for name in state}
        if t + 1 in LENGTHS:
            probabilities.append(outputs["probabilities"])
    return probabilities


def so_far(network, sequences):
    """The same, from whole sequences up to those steps."""
    return [keras.ops.softmax(network(sequences[:, :length])) for length in LENGTHS]


def sequences(batch_size=4):
    return np.random.default_rng(0).normal(size=(batch_size, STEPS, FEATURES)).astype("f4")


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
def test_step_by_step_is_the_whole_sequence(pooling):
    network = network_of(classifier(pooling))
    close(run(StreamingClassifier(network, "features"), sequences()), so_far(network, sequences()))


@pytest.mark.parametrize(
    ("recurrence", "nrnm_layers"),
    [
        ("gru", [1, 3]),
        ("rnn", [2]),
        ("high_order_rnn", [1, 3]),
        ("eleatt_lstm", []),
        ("relational_memory", []),
    ],
)
def test_every_recurrence(recurrence, nrnm_layers):
    options = {"block_size": 6, "stride": 2, "window_size": 4, "zoneout": 0.1}
    arguments = {"recurrence": recurrence, "zoneout": 0.2, "nrnm_options": options}
    arguments["relational_options"] = {"slots": 2, "num_heads": 2}
    network = network_of(classifier(nrnm_layers=nrnm_layers, **arguments))
    close(run(StreamingClassifier(network, "features"), sequences()), so_far(network, sequences()))


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
def test_masked_steps_are_passed_over(pooling):
    standardization = Standardization([0.5] * FEATURES, [4.0] * FEATURES)
    network = network_of(NanPadding(), standardization, classifier(pooling))
    x = sequences()
    holes = np.random.default_rng(1).random(x.shape[:2]) < 0.4
    holes[1], holes[2, :9], holes[3] = True, True, False
    x[holes] = np.nan
    close(run(StreamingClassifier(network, "features"), x), so_far(network, x))


def test_token_0_is_padding():
    ids = np.random.default_rng(2).integers(0, 6, (3, STEPS))
    layers = [keras.layers.Embedding(6, FEATURES, mask_zero=True), keras.layers.Dropout(0.5)]
    network = keras.Sequential([keras.Input((None,), dtype="int32"), *layers, classifier("max")])
    randomize(network)
    close(run(StreamingClassifier(network, "token_id"), ids), so_far(network, ids))


def test_state_is_constant_and_starts_at_zero():
    streaming = StreamingClassifier(network_of(classifier()), "features")
    state = streaming.initial_state(2)
    outputs = streaming({"features": sequences(2)[:, 0], **state})
    assert set(outputs) == {"probabilities", *(f"next_{name}" for name in state)}
    for name, value in state.items():
        assert not np.any(value) and outputs[f"next_{name}"].shape == value.shape


def test_layers_that_run_backwards_are_refused():
    network = network_of(classifier(bidirectional=True))
    with pytest.raises(ValueError, match="whole sequence.*bidirectional=True"):
        StreamingClassifier(network, "features")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_does_not_round_the_state(policy):
    network = network_of(classifier("mean"))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        streaming = StreamingClassifier(network, "features")
        state = streaming.initial_state(1)
        state["pooled_mean"] = tf.fill((1, 8), 0.1)
        state["pooled_steps"] = tf.fill((1, 1), 2**24)
        outputs = streaming({"features": sequences(1)[:, 0], **state})
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(outputs["next_pooled_mean"], 0.1, rtol=1e-6)
    assert int(outputs["next_pooled_steps"][0, 0]) == 2**24 + 1

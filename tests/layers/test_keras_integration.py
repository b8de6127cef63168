"""The layer and the cell inside Keras: saving, wrappers, precision, randomness, backends."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from nrnm_keras import NRNM, NRNMCell
from tests.layers.common import (
    FEATURES,
    HEADS,
    UNITS,
    close,
    masks,
    randomize,
    sequences,
    sizes_of,
)

ARGUMENTS = {"units": UNITS, "block_size": 4, "stride": 2, "num_heads": HEADS}


def layer(**kwargs):
    return NRNM(**ARGUMENTS, **kwargs)


def model_of(*layers):
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    return randomize(model)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"zoneout": (0.1, 0.2), "dropout": 0.1, "recurrent_dropout": 0.2, "memory_dropout": 0.3},
        {"backbone": "gru", "interaction": "linear", "window_size": 8, "seed": 3},
        {"kernel_regularizer": "l2", "bias_constraint": "non_neg", "return_sequences": True},
        {"read_initializer": "orthogonal", "read_bias_initializer": "zeros", "use_bias": False},
    ],
)
@pytest.mark.parametrize("kind", [NRNM, NRNMCell])
def test_config(kind, kwargs):
    if kind is NRNMCell:
        kwargs = {name: value for name, value in kwargs.items() if name != "return_sequences"}
    original = kind(**ARGUMENTS, **kwargs)
    config = json.loads(json.dumps(original.get_config()))
    again = keras.layers.deserialize(keras.layers.serialize(kind.from_config(config)))
    restored = json.loads(json.dumps(again.get_config()))
    assert restored == config
    for name, value in kwargs.items():
        if not isinstance(value, str):
            assert restored[name] == (list(value) if isinstance(value, tuple) else value)


def test_regularizers_and_constraints_reach_every_weight():
    regularized = layer(
        kernel_regularizer=keras.regularizers.L2(1.0),
        recurrent_regularizer=keras.regularizers.L2(1.0),
        bias_regularizer=keras.regularizers.L2(1.0),
    )
    regularized.build((None, None, FEATURES))
    randomize(regularized)
    not_norms = [w for w in regularized.trainable_weights if "scale" not in w.name]
    not_norms = [w for w in not_norms if "offset" not in w.name]
    assert len(not_norms) == len(regularized.trainable_weights) - 4
    close(sum(regularized.losses), sum(np.sum(w.numpy() ** 2) for w in not_norms), 1e-4)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda: keras.layers.Bidirectional(layer(return_sequences=True)),
        lambda: keras.layers.Bidirectional(layer(), merge_mode="sum"),
        lambda: keras.layers.RNN([NRNMCell(**ARGUMENTS), NRNMCell(**ARGUMENTS)]),
        lambda: keras.layers.RNN(
            keras.layers.StackedRNNCells([NRNMCell(**ARGUMENTS), keras.layers.LSTMCell(3)])
        ),
        lambda: layer(dtype="float64"),
    ],
)
def test_saves_and_loads_in_keras_format(wrap, tmp_path):
    model = model_of(keras.layers.Masking(), wrap())
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    x = sequences(13)
    x[1, 9:] = 0
    close(restored(x), model(x), 0)
    close(keras.models.clone_model(model)(x).shape, model(x).shape)


def test_loads_in_a_new_process(tmp_path):
    model = model_of(layer(return_sequences=True))
    x = sequences(13)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, numpy as np, keras, nrnm_keras\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "np.save(sys.argv[1] + '/y.npy', model(np.load(sys.argv[1] + '/x.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)
    close(np.load(tmp_path / "y.npy"), model(x), 1e-6)


def test_weights_of_the_cell_in_a_loop_load_into_the_layer(tmp_path):
    x = sequences(13)
    loop, fast = keras.layers.RNN(NRNMCell(**ARGUMENTS)), layer()
    loop.build(x.shape)
    fast.build(x.shape)
    randomize(loop)
    assert [w.name for w in fast.cell.weights] == [w.name for w in loop.cell.weights]
    np.savez(tmp_path / "cell.npz", *loop.cell.get_weights())
    with np.load(tmp_path / "cell.npz") as file:
        fast.cell.set_weights([file[name] for name in file.files])
    close(fast(x), loop(x))
    fast.set_weights([0 * w for w in fast.get_weights()])
    fast.set_weights(loop.get_weights())
    close(fast(x), loop(x))


def test_bidirectional_reads_both_ways():
    both = keras.layers.Bidirectional(layer(return_sequences=True))
    both.build((None, None, FEATURES))
    randomize(both)
    x, mask = sequences(13), masks(13)["holes"]
    # Bidirectional asks for zeros where a step is masked.
    kwargs = {"return_sequences": True, "zero_output_for_mask": True}
    backward = keras.layers.RNN(both.backward_layer.cell, **kwargs)
    forward = keras.layers.RNN(both.forward_layer.cell, **kwargs)
    expected = np.concatenate(
        [
            ops.convert_to_numpy(forward(x, mask=mask)),
            ops.convert_to_numpy(backward(x[:, ::-1], mask=mask[:, ::-1]))[:, ::-1],
        ],
        axis=-1,
    )
    close(both(x, mask=mask), expected)


def test_time_distributed_over_groups_of_sequences():
    inner = layer()
    model = keras.layers.TimeDistributed(inner)
    x = sequences(26, 2).reshape(2, 2, 13, FEATURES)
    y = model(x)
    close(y[:, 1], inner(x[:, 1]))


def test_a_mask_from_below_goes_on_above():
    model = model_of(keras.layers.Masking(), layer(return_sequences=True), layer())
    x = sequences(13)
    x[:, 9:] = 0
    close(model(x), model(x[:, :9]))


def test_trains_in_fit_and_counts_a_regularizer():
    model = model_of(layer(activity_regularizer="l2"), keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x = sequences(13, 32)
    history = model.fit(x, x[:, 0, :1], epochs=12, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_writing_on_time(policy):
    # 600 steps: beyond what bfloat16 counts exactly. A write shows in the memory's state.
    mixed = layer(dtype=policy, return_state=True)
    exact = layer(return_state=True)
    for one in (mixed, exact):
        one.build((1, 600, FEATURES))
        randomize(one)
    x = sequences(600, 1)
    loop = keras.layers.RNN(mixed.cell, return_state=True, dtype=policy)
    run_exactly, *runs = (tf.function(each, autograph=False) for each in (exact, mixed, loop))
    memory = {}
    for timesteps in (597, 599, 600):
        expected = run_exactly(x[:, :timesteps])
        assert expected[0].dtype == "float32"
        memory[timesteps] = right = expected[3].numpy()
        for run in runs if timesteps == 600 else runs[:1]:
            states = run(x[:, :timesteps])
            assert keras.backend.standardize_dtype(states[0].dtype) == policy[6:]
            # Rounding moves the memory by less than a missed or early write would.
            moved = np.abs(tf.cast(states[3], "float32").numpy() - right)
            assert moved.mean() < 0.1 * np.abs(right).mean()
    before, after = memory[599], memory[600]
    assert np.abs(before - after).mean() > 0.3 * np.abs(after).mean()


class TestRandomness:
    x = sequences(24, 256)

    def outputs(self, run, **kwargs):
        return ops.convert_to_numpy(run(self.x, training=True, **kwargs))

    @pytest.mark.parametrize("loop", [False, True])
    @pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout", "memory_dropout", "zoneout"])
    def test_off_at_inference_and_reproducible(self, loop, rate):
        def make(seed, value=0.4):
            made = layer(return_sequences=True, seed=seed, **{rate: value})
            made.build(self.x.shape)
            randomize(made)
            return keras.layers.RNN(made.cell, return_sequences=True) if loop else made

        x = self.x[:, :9]  # two writes

        def outputs(run):
            return ops.convert_to_numpy(run(x, training=True))

        one = make(1)
        first, second = outputs(one), outputs(one)
        close(outputs(make(1)), first, 0)
        assert np.abs(second - first).max() > 1e-3
        assert np.abs(outputs(make(2)) - first).max() > 1e-3
        if rate != "zoneout":
            close(one(x), make(1, 0.0)(x), 0)
        close(one(x), one(x), 0)

    @pytest.mark.parametrize("loop", [False, True])
    def test_zoneout_keeps_units_anew_at_every_step_of_every_sequence(self, loop):
        zoned = layer(return_sequences=True, zoneout=(0.3, 0.0), seed=1)
        zoned.build(self.x.shape)
        randomize(zoned)
        run = keras.layers.RNN(zoned.cell, return_sequences=True) if loop else zoned
        outputs = self.outputs(run)
        kept = outputs[:, 1:] == outputs[:, :-1]
        # 256 * 23 * 8 draws: five standard errors are 0.011.
        assert abs(kept.mean() - 0.3) < 0.011
        for axis in range(3):
            # As independent as draws are: neighbours agree in 0.3^2 + 0.7^2 = 0.58 of all cases.
            ahead, behind = np.delete(kept, 0, axis), np.delete(kept, -1, axis)
            assert abs((ahead == behind).mean() - 0.58) < 0.015

    def test_zoneout_of_the_cell_state_is_right_in_expectation(self):
        # With an output gate of 1 and small numbers, tanh is nearly linear, and so is the mean.
        zoned = layer(return_sequences=True, zoneout=(0.0, 0.5), seed=1)
        zoned.build(self.x.shape)
        for weight in zoned.trainable_weights:
            weight.assign(0 * weight)
        zoned.cell.kernel.assign(np.repeat([[0, 0, 0.02, 0]], UNITS, 1).repeat(FEATURES, 0))
        zoned.cell.bias.assign(np.repeat([0, 30, 0, 30], UNITS))
        same = np.broadcast_to(self.x[:1], self.x.shape)
        mean = ops.convert_to_numpy(zoned(same, training=True)).mean(0)
        expected = ops.convert_to_numpy(zoned(same))[0]
        assert np.abs(mean - expected).max() < 0.15 * np.abs(expected).max()

    @pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout"])
    def test_dropout_is_the_same_at_every_step_of_a_sequence(self, rate):
        # One unit on one feature: a sequence is dropped whole or not at all.
        one = NRNM(1, **sizes_of(4, 2), num_heads=1, return_sequences=True, seed=1, **{rate: 0.5})
        x = np.ones((400, 4, 1), "f4")
        one.build(x.shape)
        randomize(one, scale=1.0)
        outputs = ops.convert_to_numpy(one(x, training=True))[:, :, 0]
        kinds = np.unique(np.round(outputs, 5), axis=0)
        assert len(kinds) == 2
        dropped = np.abs(outputs - outputs[0]).max(-1) < 1e-4
        assert abs(dropped.mean() - 0.5) < 0.125

    @pytest.mark.parametrize("loop", [False, True])
    def test_memory_dropout_acts_on_the_memory_alone_and_keeps_its_mean(self, loop):
        dropped = layer(return_state=True, memory_dropout=0.4, seed=1)
        dropped.build(self.x.shape)
        randomize(dropped)
        run = keras.layers.RNN(dropped.cell, return_state=True) if loop else dropped
        memory = ops.convert_to_numpy(run(self.x[:, :4], training=True)[3])
        full = ops.convert_to_numpy(run(self.x[:, :4])[3])
        zero = memory == 0
        # 256 * 16 draws: five standard errors are 0.038.
        assert abs(zero.mean() - 0.4) < 0.038
        close(memory[~zero], full[~zero] / 0.6)


_BACKEND_SCRIPT = """
import sys
import keras, numpy as np
from keras import ops
from nrnm_keras import NRNM
from tests.layers.common import masks, randomize, sequences, sizes_of, FEATURES
assert keras.backend.backend() == "tensorflow" or "tensorflow" not in sys.modules
results = []
for sizes, backbone in [((6, 3, 9), "lstm"), ((6, 2, 4), "gru")]:
    layer = NRNM(8, **sizes_of(*sizes), num_heads=2, backbone=backbone, zoneout=0.1,
                 return_sequences=True, return_state=True)
    layer.build((4, 21, FEATURES))
    randomize(layer)
    x, mask = sequences(21), masks(21)["holes"]
    results += layer(x, mask=mask)
    if backbone == "gru":
        continue
    loop = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True)
    results += loop(x, mask=mask)
    results += layer(x, initial_state=results[-len(layer.state_size):])
    results.append(layer.attention_weights(x, mask)[0])
noisy = NRNM(8, **sizes_of(4, 2), num_heads=2, zoneout=0.3, memory_dropout=0.2, dropout=0.1, seed=1)
for run in (noisy, keras.layers.RNN(noisy.cell)):
    model = keras.Sequential([keras.Input((21, FEATURES)), run, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, 0, :1], verbose=0)
    assert all(np.isfinite(ops.convert_to_numpy(w)).all() for w in model.trainable_weights)
model = keras.Sequential([keras.Input((21, FEATURES)), NRNM(8, **sizes_of(4, 2), num_heads=2)])
randomize(model)
model.compile(keras.optimizers.SGD(0.1), "mse")
model.fit(x, np.ones((4, 8)), epochs=3, shuffle=False, verbose=0)
results += model.trainable_weights
np.savez(sys.argv[1], *[ops.convert_to_numpy(r) for r in results])
"""


def results_of(backend, folder):
    path = folder / f"{backend}.npz"
    subprocess.run(
        [sys.executable, "-c", _BACKEND_SCRIPT, str(path)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()},
        check=True,
    )
    with np.load(path) as file:
        return [file[key] for key in file.files]


@pytest.fixture(scope="module")
def results_of_tensorflow(tmp_path_factory):
    return results_of("tensorflow", tmp_path_factory.mktemp("backends"))


@pytest.mark.parametrize("backend", [pytest.param("jax", marks=pytest.mark.slow), "torch"])
def test_backends_give_the_same_numbers(backend, results_of_tensorflow, tmp_path):
    pytest.importorskip(backend)
    close(results_of(backend, tmp_path), results_of_tensorflow)

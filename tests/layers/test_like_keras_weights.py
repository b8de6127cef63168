"""Training, saving and precision of Keras's recurrent layers are those of NRNM, on every backend.

`test_like_keras_backends.py` runs this file on the other backends.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import NRNM
from tests.layers.common import close, sequences
from tests.layers.like_keras import (
    BACKEND,
    BATCH,
    SIZES,
    TIMESTEPS,
    UNITS,
    X,
    like,
    model_of,
    nrnm,
    to_numpy,
    train,
)

ARGUMENTS = [
    {},
    {"activation": "relu"},
    {"activation": None},
    {"recurrent_activation": "hard_sigmoid"},
    {"use_bias": False},
    {"kernel_initializer": "he_normal"},
    {"recurrent_initializer": "glorot_normal"},
    {"bias_initializer": "ones"},
    {"unit_forget_bias": False},
    {"kernel_regularizer": "l2"},
    {"recurrent_regularizer": "l2"},
    {"bias_regularizer": "l2"},
    {"activity_regularizer": "l2"},
    {"kernel_constraint": "non_neg"},
    {"recurrent_constraint": "unit_norm"},
    {"bias_constraint": "max_norm"},
    {"dropout": 0.5, "seed": 1},
    {"recurrent_dropout": 0.5},
    {"memory_dropout": 0.5},
    {"zoneout": 0.5},
    {"return_sequences": True},
    {"return_sequences": True, "go_backwards": True},
    {"unroll": True},
    {"use_cudnn": False, "implementation": 1},
    {"zero_output_for_mask": True},
    {"window_size": None},
    {"num_heads": 1},
    {"backbone": "gru"},
    {"backbone": "rnn"},
    {"backbone": "high_order_rnn"},
    {"interaction": "linear"},
    {"memory_read": "attention"},
    {"memory_units": 2},
    {"memory_forget_bias": 3.0},
    {"read_initializer": "orthogonal", "read_bias_initializer": "ones"},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda given: "-".join(given) or "none")
def test_builds_computes_trains_and_comes_back(arguments, tmp_path):
    layer = NRNM(UNITS, **{**SIZES, **arguments})
    model = model_of(layer, timesteps=TIMESTEPS)
    shape = (TIMESTEPS, UNITS) if layer.return_sequences else (UNITS,)
    assert model.output_shape == (None, *shape)
    assert model(X).shape == (BATCH, *shape)
    assert keras.backend.standardize_dtype(model(X).dtype) == "float32"
    before = layer.get_weights()
    assert np.isfinite(train(model)).all()
    assert any((old != new).any() for old, new in zip(before, layer.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    close(keras.saving.load_model(tmp_path / "model.keras")(X), model(X), 1e-6)


def test_trained_longer_it_learns():
    losses = train(model_of(nrnm(), layers.Dense(1)), steps=12)
    assert losses[-1] < 0.7 * losses[0]


class TestRegularizersAndConstraints:
    @pytest.mark.parametrize("kind", ["kernel", "recurrent", "bias"])
    def test_regularizer_is_added_to_the_loss(self, kind):
        layer = nrnm(**{f"{kind}_regularizer": keras.regularizers.L1(0.5)})
        of_kind = [w for w in layer.weights if w.regularizer is not None]
        assert of_kind
        if kind == "bias":
            assert {w.name for w in of_kind} == {w.name for w in layer.weights if "bias" in w.name}
        total = sum(np.abs(to_numpy(w)).sum() for w in of_kind)
        close(sum(map(float, layer.losses)), 0.5 * total)
        model = model_of(layer)
        model.compile("sgd", lambda y, y_pred: 0.0 * ops.sum(y_pred))
        loss = model.evaluate(X, np.zeros((BATCH, UNITS)), verbose=0)
        close(loss, 0.5 * total)

    def test_all_three_reach_every_weight_once(self):
        """But for the gains and offsets of the two LayerNorms."""
        reached = []
        for kind in ("kernel", "recurrent", "bias"):
            layer = nrnm(**{f"{kind}_regularizer": "l2", "memory_read": "gate"})
            reached += [w.name for w in layer.weights if w.regularizer is not None]
        norms = ["attention_scale", "attention_offset", "dense_scale", "dense_offset"]
        assert sorted([*reached, *norms]) == sorted(w.name for w in layer.weights)

    def test_activity_regularizer(self):
        layer = nrnm(activity_regularizer=keras.regularizers.L2(0.5))
        outputs = to_numpy(layer(X))
        # Keras divides by the size of the batch.
        close(sum(map(float, layer.losses)), 0.5 * np.sum(outputs**2) / BATCH)

    @pytest.mark.parametrize("kind", ["kernel", "recurrent", "bias"])
    def test_constraint_holds_after_a_step(self, kind):
        layer = nrnm(**{f"{kind}_constraint": "non_neg"})
        train(model_of(layer))
        constrained = [w for w in layer.weights if w.constraint is not None]
        assert constrained
        assert all((to_numpy(w) >= 0).all() for w in constrained)
        assert any((to_numpy(w) < 0).any() for w in layer.weights if w.constraint is None)


class TestTrainable:
    @pytest.mark.parametrize("memory_read", ["gate", "attention"])
    @pytest.mark.parametrize("when", ["constructed", "later", "cloned", "saved"])
    def test_nothing_changes(self, when, memory_read, tmp_path):
        layer = nrnm(trainable=when != "constructed", memory_read=memory_read)
        layer.trainable = False
        model = model_of(layer, layers.Dense(1))
        if when == "cloned":
            model = keras.models.clone_model(model)
        if when == "saved":
            model.save(tmp_path / "model.keras")
            model = keras.saving.load_model(tmp_path / "model.keras")
        layer, dense = model.layers
        assert not layer.trainable_weights
        assert len(layer.non_trainable_weights) == len(layer.weights)
        assert model.trainable_weights == dense.trainable_weights
        before = layer.get_weights()
        train(model)
        close(layer.get_weights(), before, 0)

    def test_can_be_switched(self):
        layer = nrnm(trainable=False)
        layer.trainable = True
        assert len(layer.trainable_weights) == len(layer.weights)
        assert all(weight.trainable for weight in layer.weights)
        layer.trainable = False
        assert not any(weight.trainable for weight in layer.weights)


class TestPrecision:
    @pytest.mark.parametrize("given", ["policy", "name"])
    @pytest.mark.parametrize("name", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
    def test_policies(self, name, given):
        policy = keras.DTypePolicy(name) if given == "policy" else name
        # Orthogonal kernels need a QR decomposition, which TensorFlow lacks in bfloat16.
        layer = nrnm(
            dtype=policy,
            recurrent_initializer="glorot_uniform",
            return_sequences=True,
            return_state=True,
        )
        computed, stored = name.removeprefix("mixed_"), "float32" if "mixed" in name else name
        dtypes = [keras.backend.standardize_dtype(y.dtype) for y in layer(X)]
        assert set(dtypes) == {computed}
        assert {w.dtype for w in layer.weights} == {stored}
        assert layer.cell.dtype_policy == layer.dtype_policy
        close(np.float32(to_numpy(ops.cast(layer(X)[0], "float32"))), _exact(layer)(X)[0], 0.05)
        again = NRNM.from_config(layer.get_config())
        assert (again.compute_dtype, again.cell.compute_dtype) == (computed, computed)

    def test_trains_in_mixed_precision(self):
        layer = nrnm(dtype="mixed_bfloat16")
        assert np.isfinite(train(model_of(layer))).all()
        assert {w.dtype for w in layer.weights} == {"float32"}

    def test_follows_the_global_policy(self):
        before = keras.config.dtype_policy()
        try:
            keras.config.set_dtype_policy("mixed_bfloat16")
            layer = NRNM(UNITS)
        finally:
            keras.config.set_dtype_policy(before)
        assert layer.compute_dtype == layer.cell.compute_dtype == "bfloat16"


def _exact(layer):
    return like(layer, dtype="float32")


class TestCopies:
    def test_clones_have_weights_of_their_own(self):
        layer = nrnm(dropout=0.2, zoneout=(0.1, 0.2), kernel_regularizer="l2")
        model = model_of(layer, layers.Dense(2))
        clone = keras.models.clone_model(model)
        assert clone.layers[0].get_config() == layer.get_config()
        assert clone.layers[0].weights[0] is not layer.weights[0]
        before = clone.get_weights()
        train(model)
        close(clone.get_weights(), before, 0)
        clone.set_weights(model.get_weights())
        close(clone(X), model(X), 1e-6)

    def test_weights_alone(self, tmp_path):
        model, other = model_of(nrnm()), model_of(NRNM(UNITS, **SIZES))
        model.save_weights(tmp_path / "model.weights.h5")
        other.load_weights(tmp_path / "model.weights.h5")
        close(other(X), model(X), 1e-6)

    def test_as_json(self):
        lower = nrnm(backbone="gru", return_sequences=True)
        model = model_of(lower, layers.Bidirectional(NRNM(UNITS)))
        restored = keras.models.model_from_json(model.to_json())
        restored.set_weights(model.get_weights())
        close(restored(X), model(X), 1e-6)

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="a SavedModel, which TensorFlow writes")
    def test_export(self, tmp_path):
        import tensorflow as tf

        upper = layers.Bidirectional(nrnm(features=UNITS))
        model = model_of(layers.Masking(), nrnm(return_sequences=True), upper)
        model.export(tmp_path / "model", format="tf_saved_model", verbose=False)
        loaded = tf.saved_model.load(tmp_path / "model")
        for batch_size, timesteps in ((1, 3), (5, 12)):
            x = sequences(timesteps, batch_size)
            x[:, 2:3] = 0
            close(loaded.serve(tf.constant(x)), model(x))

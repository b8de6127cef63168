import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from nrnm_keras.models import (
    ClassProbabilities,
    RecurrentBackbone,
    SequenceClassifier,
    SequencePooling,
)

LENGTHS = np.array([20, 3, 9, 16])
MASK = np.arange(20) < LENGTHS[:, None]


def draw_weights(model):
    """Draws every weight at random: the memory's read projection starts at zero."""
    random = np.random.default_rng(1)
    model.set_weights([random.normal(0, 0.3, w.shape) for w in model.get_weights()])


@pytest.fixture
def sequences():
    return np.random.default_rng(0).normal(size=(4, 20, 5)).astype("float32")


def build(sequences, pooling="last"):
    classifier = SequenceClassifier(
        RecurrentBackbone(8, num_layers=2, nrnm_layers=[1]), num_classes=3, pooling=pooling
    )
    classifier.build(sequences.shape)
    draw_weights(classifier)
    return classifier


@pytest.mark.parametrize("pooling", SequencePooling.MODES)
def test_padding_changes_nothing(sequences, pooling):
    classifier = build(sequences, pooling)
    logits = classifier(sequences, mask=MASK)
    for i, length in enumerate(LENGTHS):
        alone = classifier(sequences[i : i + 1, :length])
        np.testing.assert_allclose(logits[i : i + 1], alone, rtol=1e-4, atol=1e-5)
    noise = np.where(MASK[..., None], sequences, 100.0)
    np.testing.assert_allclose(classifier(noise, mask=MASK), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", SequencePooling.MODES)
def test_masked_steps_before_and_between_are_passed_over(sequences, pooling):
    classifier = build(sequences, pooling)
    valid = [0, 1, 4, 5, 6, 11, 12, 19]
    for steps in (valid, [step for step in valid if step < 12], range(7, 20)):
        mask = np.zeros((1, 20), "bool")
        mask[0, list(steps)] = True
        np.testing.assert_allclose(
            classifier(sequences[:1], mask=mask),
            classifier(sequences[:1, list(steps)]),
            rtol=1e-4,
            atol=1e-5,
        )


def test_logits_come_from_the_last_valid_hidden_state(sequences):
    classifier = build(sequences)
    hidden = np.array(classifier.backbone(sequences, mask=MASK))
    kernel, bias = classifier.logits_layer.get_weights()
    expected = hidden[np.arange(4), LENGTHS - 1] @ kernel + bias
    np.testing.assert_allclose(classifier(sequences, mask=MASK), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_learns_float_features_behind_a_masking_layer(sequences):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Masking(),
            SequenceClassifier(RecurrentBackbone(8, nrnm_layers=[]), num_classes=2),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    padded = np.where(MASK[..., None], sequences, 0.0)
    losses = model.fit(padded, np.array([0, 1, 1, 0]), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    cut = padded[1:2, :3]
    np.testing.assert_allclose(model(padded)[1:2], model(cut), rtol=1e-4, atol=1e-5)


def test_saved_and_loaded(sequences, tmp_path):
    classifier = build(sequences, "mean_max")
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(
        loaded(sequences, mask=MASK), classifier(sequences, mask=MASK), rtol=1e-5, atol=1e-6
    )


def test_logits_are_float32_under_mixed_precision(sequences):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = SequenceClassifier(RecurrentBackbone(8), num_classes=3)
        hidden = classifier.backbone(sequences)
        assert keras.backend.standardize_dtype(hidden.dtype) == "bfloat16"
        assert keras.backend.standardize_dtype(classifier(sequences).dtype) == "float32"
    finally:
        keras.config.set_dtype_policy(policy)


def test_fewer_than_two_classes():
    with pytest.raises(ValueError, match="num_classes"):
        SequenceClassifier(RecurrentBackbone(8), num_classes=1)


def test_class_probabilities_by_hand():
    probabilities = ClassProbabilities(["no", "yes"])(np.log([[1.0, 3.0], [1.0, 1.0]]))
    np.testing.assert_allclose(probabilities["no"], [0.25, 0.5], rtol=1e-6)
    np.testing.assert_allclose(probabilities["yes"], [0.75, 0.5], rtol=1e-6)


def test_class_probabilities_need_one_name_for_each_class():
    with pytest.raises(ValueError, match="unique names"):
        ClassProbabilities(["a", "a"])
    with pytest.raises(ValueError, match="2 class names"):
        ClassProbabilities(["a", "b"])(np.zeros((1, 3)))


def test_models_run_on_jax_without_tensorflow():
    code = """
import sys
import numpy as np
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
for pooling in ("last", "mean_max"):
    backbone = RecurrentBackbone(4, num_layers=1, nrnm_layers=[1])
    classifier = SequenceClassifier(backbone, num_classes=2, pooling=pooling)
    logits = classifier(np.ones((2, 9, 3)), mask=np.ones((2, 9), "bool"))
    assert ClassProbabilities(["a", "b"])(logits)["b"].shape == (2,)
assert "tensorflow" not in sys.modules
"""
    pytest.importorskip("jax")
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "KERAS_BACKEND": "jax"}, check=True
    )

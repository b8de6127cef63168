import keras
import numpy as np
import pytest

from nrnm_keras.models import RecurrentBackbone, StepClassifier
from tests.layers.common import masks, randomize

SEQUENCES = np.random.default_rng(0).normal(size=(4, 11, 5)).astype("float32")


def classifier(**options):
    model = StepClassifier(RecurrentBackbone(8, 1, [1], bidirectional=True), 3, **options)
    model.build(SEQUENCES.shape)
    return randomize(model)


@pytest.mark.parametrize("kind", ["right", "left", "holes"])
def test_masked_steps_are_as_if_they_were_not_there(kind):
    model, mask = classifier(), masks(11)[kind]
    logits = model(SEQUENCES, mask=mask)
    assert logits.shape == model.compute_output_shape(SEQUENCES.shape)
    for row, valid, given in zip(SEQUENCES, mask, logits.numpy(), strict=True):
        np.testing.assert_allclose(given[valid], model(row[valid][None])[0], atol=1e-5)


def test_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((None, 5)), classifier(dropout=0.5)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(SEQUENCES), model(SEQUENCES), atol=1e-6)


def test_one_class_is_no_choice():
    with pytest.raises(ValueError, match="num_classes=1"):
        StepClassifier(RecurrentBackbone(8), 1)

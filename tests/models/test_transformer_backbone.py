import keras
import numpy as np
import pytest

from nrnm_keras.models import TransformerBackbone

SEQUENCES = np.random.default_rng(0).normal(size=(3, 11, 5)).astype("float32")


@pytest.fixture(scope="module")
def backbone():
    return TransformerBackbone(8, num_layers=2, dropout=0.3)


@pytest.mark.parametrize("valid", [range(6), range(5, 11), (0, 3, 4, 8, 9, 10)])
def test_masked_steps_are_as_if_they_were_not_there(backbone, valid):
    mask = np.isin(np.arange(11), valid)
    outputs = backbone(SEQUENCES, mask=np.tile(mask, (3, 1)))
    expected = backbone(SEQUENCES[:, mask])
    np.testing.assert_allclose(outputs.numpy()[:, mask], expected, atol=1e-5)


def test_order_matters(backbone):
    outputs, turned = backbone(SEQUENCES), backbone(SEQUENCES[:, ::-1])
    assert np.abs(outputs.numpy() - turned.numpy()[:, ::-1]).max() > 0.01


def test_saved_and_loaded(backbone, tmp_path):
    model = keras.Sequential([keras.Input((None, 5)), backbone])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(SEQUENCES), model(SEQUENCES), atol=1e-6)
    assert model.output_shape == (None, None, 8)


def test_half_precision_tells_far_steps_apart():
    xs = np.ones((1, 400, 1), "float32")
    outputs = TransformerBackbone(8, 1, dtype="mixed_bfloat16")(xs).numpy().astype("float32")[0]
    assert (outputs[1:] != outputs[:-1]).any(axis=1).all()


def test_what_it_cannot_do(backbone):
    with pytest.raises(ValueError, match="units=10, num_heads=4"):
        TransformerBackbone(10)
    with pytest.raises(ValueError, match="whole sequence"):
        backbone.initial_step_state(1)

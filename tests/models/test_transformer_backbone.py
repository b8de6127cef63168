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


@pytest.mark.parametrize("valid", [range(11), (0, 3, 4, 8, 9, 10)])
def test_causal_steps_are_as_if_nothing_followed(valid):
    mask = np.isin(np.arange(11), valid)
    causal = TransformerBackbone(8, num_layers=2, causal=True)
    whole = causal(SEQUENCES, mask=np.tile(mask, (3, 1))).numpy()
    for step in valid:
        prefix = SEQUENCES[:, : step + 1][:, mask[: step + 1]]
        np.testing.assert_allclose(whole[:, step], causal(prefix)[:, -1], atol=1e-5)


def test_the_last_step_of_one_causal_layer_sees_everything():
    one, other = (TransformerBackbone(8, num_layers=1, causal=causal) for causal in (False, True))
    expected = one(SEQUENCES)[:, -1]
    other.build((None, None, 5))
    other.set_weights(one.get_weights())
    np.testing.assert_allclose(other(SEQUENCES)[:, -1], expected, atol=1e-5)


def test_order_matters(backbone):
    outputs, turned = backbone(SEQUENCES), backbone(SEQUENCES[:, ::-1])
    assert np.abs(outputs.numpy() - turned.numpy()[:, ::-1]).max() > 0.01


@pytest.mark.parametrize("causal", [False, True])
def test_saved_and_loaded(causal, tmp_path):
    backbone = TransformerBackbone(8, num_layers=2, dropout=0.3, causal=causal)
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

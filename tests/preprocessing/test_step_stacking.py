"""StepStacking: by hand, masks, unknown lengths, serialization."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models import RecurrentBackbone
from nrnm_keras.models.step_by_step import StepByStep
from nrnm_keras.preprocessing import NanPadding, StepStacking

X = np.arange(1.0, 15.0).reshape(1, 7, 2)


def test_neighbors_stand_side_by_side():
    expected = [[[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12], [13, 14, 0, 0, 0, 0]]]
    np.testing.assert_array_equal(StepStacking(3)(X), expected)
    np.testing.assert_array_equal(StepStacking(1)(X), X)
    assert StepStacking(3).compute_output_shape((1, 7, 2)) == (1, 3, 6)


def test_neighbors_are_added():
    layer, mask = StepStacking(3, mode="sum"), np.array([[True, True, False, *[True] * 4]])
    np.testing.assert_array_equal(layer(X), [[[9, 12], [27, 30], [13, 14]]])
    np.testing.assert_array_equal(layer(X, mask=mask)[0, 0], [4, 6])
    assert layer.compute_output_shape((1, 7, 2)) == (1, 3, 2)
    assert StepStacking.from_config(layer.get_config()).mode == "sum"


def test_a_network_that_stacks_is_not_fed_single_steps():
    with pytest.raises(ValueError, match="the whole sequence.*steps=3"):
        StepByStep([StepStacking(3), RecurrentBackbone(4)])


def test_masked_steps_are_zeros_and_groups_of_them_are_masked():
    layer, mask = StepStacking(2), np.array([[True, False, False, False, True, True, True]])
    joined = layer(X, mask=mask)
    np.testing.assert_array_equal(joined[0, :2], [[1, 2, 0, 0], [0, 0, 0, 0]])
    expected = [[True, False, True, True]]
    np.testing.assert_array_equal(layer.compute_mask(X, mask), expected)
    assert layer.compute_mask(X, None) is None


def test_length_that_is_unknown_while_the_graph_is_made(tmp_path):
    inputs = layers.Input((None, 2))
    lstm = layers.LSTM(3)(StepStacking(3)(NanPadding()(inputs)))
    keras.Model(inputs, lstm).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    padded = np.concatenate([X, np.full((1, 5, 2), np.nan)], axis=1)
    np.testing.assert_allclose(model(padded), model(X), rtol=1e-5)
    assert np.isfinite(ops.convert_to_numpy(model(X))).all()


@pytest.mark.parametrize("argument", [{"steps": 0}, {"steps": 2, "mode": "max"}])
def test_mistake_is_named(argument):
    with pytest.raises(ValueError, match=f"{list(argument)[-1]}="):
        StepStacking(**argument)

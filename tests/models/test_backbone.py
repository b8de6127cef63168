import keras
import numpy as np
import pytest
from keras import layers

from nrnm_keras import NRNM
from nrnm_keras.layers import LSTM
from nrnm_keras.models import RecurrentBackbone, TransformerBackbone

SEQUENCES = np.random.default_rng(0).normal(size=(3, 11, 5)).astype("float32")
MASK = np.arange(11) < np.array([[11], [4], [7]])


def test_memory_is_in_the_named_layers():
    backbone = RecurrentBackbone(8, num_layers=4, nrnm_layers=[3, 1])
    kinds = [type(layer) for layer in backbone.recurrent_layers]
    assert kinds == [NRNM, LSTM, NRNM, LSTM]


def test_without_memory_it_is_stacked_lstm():
    backbone = RecurrentBackbone(6, num_layers=2, nrnm_layers=[], dropout=0.5)
    hidden = backbone(SEQUENCES, mask=MASK)
    lstm = keras.Sequential([layers.LSTM(6, return_sequences=True) for _ in range(2)])
    lstm.build(SEQUENCES.shape)
    lstm.set_weights(backbone.get_weights())
    expected = SEQUENCES
    for layer in lstm.layers:
        expected = layer(expected, mask=MASK)
    np.testing.assert_allclose(hidden, expected, rtol=1e-5, atol=1e-6)


def test_options_reach_the_layers():
    options = {"block_size": 6, "stride": 3, "window_size": 12, "num_heads": 2, "zoneout": 0.1}
    backbone = RecurrentBackbone(8, recurrent_dropout=0.2, nrnm_options=options)
    first, second, _ = backbone.recurrent_layers
    cell = second.cell
    assert {name: getattr(cell, name) for name in options} == options
    assert first.cell.recurrent_dropout == cell.recurrent_dropout == 0.2


def test_dropout_is_between_the_layers():
    backbone = RecurrentBackbone(4, num_layers=1, nrnm_layers=[1], dropout=0.9)
    np.testing.assert_array_equal(backbone(SEQUENCES, training=True), backbone(SEQUENCES))
    backbone = RecurrentBackbone(4, num_layers=2, nrnm_layers=[1], dropout=0.9)
    assert not np.allclose(backbone(SEQUENCES, training=True), backbone(SEQUENCES))


def test_bidirectional_is_both_directions_side_by_side():
    backbone = RecurrentBackbone(8, num_layers=1, nrnm_layers=[1], bidirectional=True)
    hidden = backbone(SEQUENCES, mask=MASK)
    assert hidden.shape == backbone.compute_output_shape(SEQUENCES.shape)
    weights = backbone.get_weights()
    for length, row, states in zip(MASK.sum(1), SEQUENCES, hidden, strict=True):
        layer = NRNM(8, return_sequences=True)
        layer.build((1, None, 5))
        layer.set_weights(weights[: len(weights) // 2])
        np.testing.assert_allclose(states[:length, :8], layer(row[None, :length])[0], atol=1e-6)
        layer.set_weights(weights[len(weights) // 2 :])
        backward = layer(row[None, :length][:, ::-1])[0][::-1]
        np.testing.assert_allclose(states[:length, 8:], backward, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_config_and_weights_give_the_same_backbone(bidirectional):
    backbone = RecurrentBackbone(
        8,
        nrnm_layers=[1, 3],
        bidirectional=bidirectional,
        nrnm_options={"zoneout": (0.1, 0.2)},
    )
    expected = backbone(SEQUENCES, mask=MASK)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(backbone))
    copy.build(SEQUENCES.shape)
    copy.set_weights(backbone.get_weights())
    np.testing.assert_allclose(copy(SEQUENCES, mask=MASK), expected, rtol=1e-6, atol=1e-7)
    assert expected.shape == backbone.compute_output_shape(SEQUENCES.shape)


@pytest.mark.parametrize(
    "backbone",
    [
        lambda **kwargs: RecurrentBackbone(8, bidirectional=True, **kwargs),
        lambda **kwargs: RecurrentBackbone(8, recurrence="eleatt_gru", nrnm_layers=(), **kwargs),
        lambda **kwargs: TransformerBackbone(8, num_layers=1, **kwargs),
    ],
)
def test_frozen_when_constructed_or_loaded(backbone):
    constructed = backbone(trainable=False)
    for frozen in (constructed, type(constructed).from_config(constructed.get_config())):
        frozen.build(SEQUENCES.shape)
        assert frozen.weights
        assert not any(weight.trainable for weight in frozen.weights)
        frozen.trainable = True
        assert frozen.trainable_weights


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"num_layers": 0}, "num_layers"),
        ({"nrnm_layers": [4]}, "nrnm_layers"),
        ({"nrnm_layers": [0]}, "nrnm_layers"),
        ({"recurrence": "lsmt"}, "lsmt"),
        ({"recurrence": "eleatt_gru"}, "eleatt_gru"),
        ({"recurrence": "relational_memory", "nrnm_layers": [], "recurrent_dropout": 0.1}, "0.1"),
        ({"nrnm_options": {"block_size": 7}}, "block_size"),
        ({"units": 6, "nrnm_options": {"num_heads": 4}}, "units"),
        ({"units": 0}, "units"),
    ],
)
def test_unusable_arguments(arguments, named):
    with pytest.raises(ValueError, match=named):
        RecurrentBackbone(**{"units": 8, **arguments})

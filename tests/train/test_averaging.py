"""The weight of a network in its average with a linear classifier."""

import keras
import numpy as np
import pytest
from keras import layers

from nrnm_keras.models.end_to_end import OtherClassifier, end_to_end_classifier
from nrnm_keras.train.averaging import _best_weight

TARGETS = np.arange(400) % 2
SURE = np.log(np.where(TARGETS[:, None] == np.arange(2), 0.9, 0.1))
NO_IDEA = np.log(np.full((400, 2), 0.5))


@pytest.mark.parametrize(
    ("network", "linear", "weight"),
    [(SURE, NO_IDEA, 1.0), (NO_IDEA, SURE, 0.0), (SURE[::-1], SURE, 0.0)],
)
def test_the_weight_has_the_lowest_validation_loss(network, linear, weight):
    assert _best_weight(TARGETS, network, linear) == weight


def test_two_that_err_in_different_places_are_mixed():
    random = np.random.default_rng(0)
    noise = random.normal(size=(2, 400, 2)) * 1.5
    scores = [SURE * 0.5 + each for each in noise]
    network, linear = (x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in scores)
    assert 0.2 <= _best_weight(TARGETS, network, linear) <= 0.8


def test_few_examples_decide_nothing():
    assert _best_weight(TARGETS[:49], SURE[:199], NO_IDEA[:199]) == 0.3


def test_the_exported_model_averages_log_probabilities():
    network = keras.Sequential([keras.Input((2,)), layers.Rescaling(1.0)])
    other = OtherClassifier(layers.Rescaling(-1.0), 0.75)
    model = end_to_end_classifier(keras.Input((2,)), network, ["a", "b"], other=other)
    x = np.array([[0.0, 2.0]])
    expected = np.exp(0.5 * x) / np.exp(0.5 * x).sum()  # 0.75 - 0.25 of the logits
    output = model(x)
    np.testing.assert_allclose(
        [[float(output["a"][0]), float(output["b"][0])]], expected, rtol=1e-5
    )
    np.testing.assert_allclose(np.exp(other.average_scores(network(x), x)), expected, rtol=1e-5)

"""Softmax regression: the minimum of its objective."""

import numpy as np
import pytest

from nrnm_keras.models.softmax_regression import softmax, softmax_regression


def _fit(features, labels, penalty):
    return softmax_regression(
        lambda x: features @ x, lambda x: features.T @ x, features.shape[1], labels, 3, penalty
    )


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_the_gradient_of_the_objective_is_zero(penalty):
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 7))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = random.integers(0, 3, 40)
    kernel, bias = _fit(features, labels, penalty)
    error = (softmax(features @ kernel + bias) - np.eye(3)[labels]) / 40
    np.testing.assert_allclose(features.T @ error + penalty * kernel, 0, atol=3e-5)
    np.testing.assert_allclose(error.sum(0), 0, atol=3e-5)


def test_it_converges_on_rare_features():
    """Most n-grams are in one text only; each must get its weight, too."""
    features, labels = np.eye(600), np.arange(600) % 3
    kernel, bias = softmax_regression(
        lambda x: features @ x, lambda x: features.T @ x, 600, labels, 3, 1 / (20 * 600)
    )
    error = (softmax(features @ kernel + bias) - np.eye(3)[labels]) / 600
    size = np.abs(features.T @ error).max()
    np.testing.assert_allclose(features.T @ error + kernel / (20 * 600), 0, atol=size / 100)


def test_features_that_say_nothing_give_the_frequencies():
    kernel, bias = _fit(np.zeros((10, 2)), np.array([0] * 5 + [1] * 3 + [2] * 2), 1e-3)
    np.testing.assert_allclose(softmax(bias), [0.5, 0.3, 0.2], atol=1e-3)
    np.testing.assert_array_equal(kernel, 0)

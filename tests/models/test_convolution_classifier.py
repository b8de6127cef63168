"""ConvolutionClassifier: its features by an independent loop, masks, serialization."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models.convolution_classifier import ConvolutionClassifier

RANDOM = np.random.default_rng(0)
LENGTHS = np.array([40, 33, 40, 25, 40, 31])
LABELS = np.array([0, 1, 0, 1, 0, 1])
MASK = np.arange(40) < LENGTHS[:, None]
SERIES = np.sin(np.arange(40)[:, None] * (0.4 + LABELS)[:, None, None] * np.ones(2))
SERIES = (SERIES + 0.1 * RANDOM.normal(size=SERIES.shape)).astype("float32")


@pytest.fixture(scope="module")
def classifier():
    classifier = ConvolutionClassifier(2, max_length=40, num_features=600)
    classifier.fit(SERIES, LABELS, MASK)
    return classifier


def test_features_equal_those_of_a_loop(classifier):
    series = SERIES[1, : LENGTHS[1]]
    steps = SERIES[MASK]
    normal = (series - steps.mean(0)) / steps.std(0)
    channels, thresholds = np.array(classifier.channels), np.array(classifier.thresholds)
    expected = []
    for i, dilation in enumerate([1, 2, 4]):
        values = np.zeros((len(series), 84))
        for k, twos in enumerate(itertools.combinations(range(9), 3)):
            for t, j in itertools.product(range(len(series)), range(9)):
                source = t + (j - 4) * dilation
                if 0 <= source < len(series):
                    value = normal[source] @ channels[i, :, k]
                    values[t, k] += value * (2 if j in twos else -1)
        expected += [(values > row).mean(0) for row in thresholds[i]]
    features = classifier._raw_features(SERIES[1:2], MASK[1:2])[0]
    np.testing.assert_allclose(features, np.concatenate(expected), atol=1.5 / len(series))
    assert np.mean(np.abs(features - np.concatenate(expected)) > 1e-5) < 0.01


def test_training_series_are_classified(classifier):
    assert ops.argmax(classifier(SERIES, mask=MASK), -1).numpy().tolist() == LABELS.tolist()


def test_masked_steps_are_left_out_wherever_they_are(classifier):
    alone = classifier(SERIES[3:4, :25])
    padded = classifier(SERIES[3:4], mask=MASK[3:4])
    spread = np.full((1, 30, 2), 7, "float32")
    valid = np.arange(30) % 6 != 2
    spread[:, valid] = SERIES[3:4, :25]
    np.testing.assert_allclose(padded, alone, rtol=1e-5)
    np.testing.assert_allclose(classifier(spread, mask=valid[None]), alone, rtol=1e-5)


@pytest.mark.parametrize("length", [1, 5, 100])
def test_any_length_gives_finite_numbers(classifier, length):
    assert np.isfinite(classifier(np.ones((2, length, 2)))).all()
    short = ConvolutionClassifier(2, max_length=length, num_features=84)
    short.fit(np.ones((4, length, 1)), LABELS[:4])
    np.testing.assert_allclose(np.exp(short(np.ones((1, length, 1)))), 0.5, atol=1e-3)


def test_a_saved_model_gives_the_same_numbers(classifier, tmp_path):
    series, mask = layers.Input((None, 2)), layers.Input((None,), dtype="bool")
    model = keras.Model([series, mask], classifier(series, mask=mask))
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored([SERIES, MASK]), classifier(SERIES, mask=MASK))


def test_mistakes_are_named(classifier):
    with pytest.raises(ValueError, match="max_length=0"):
        ConvolutionClassifier(2, max_length=0)
    with pytest.raises(ValueError, match="6 series and 2 labels"):
        ConvolutionClassifier(2, max_length=40).fit(SERIES, LABELS[:2])

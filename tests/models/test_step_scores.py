import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import RecurrentBackbone, StepClassifier
from nrnm_keras.models.step_scores import StepAccuracy, StepCrossentropy

# Two sequences of four steps; two steps of the first and one of the second have a label.
LABELS = np.array([[1, -1, 0, -1], [-1, 1, -1, -1]])
LOGITS = np.log([[[1, 3], [1, 1], [1, 3], [9, 1]], [[1, 1], [4, 1], [1, 1], [1, 1]]]).astype("f4")
FIRST, SECOND = -(np.log(3 / 4) + np.log(1 / 4)) / 2, -np.log(1 / 5)


def test_loss_is_the_mean_of_the_sequences_means():
    assert float(StepCrossentropy()(LABELS, LOGITS)) == pytest.approx((FIRST + SECOND) / 2)


def test_loss_of_weighted_sequences():
    loss = StepCrossentropy()(LABELS, LOGITS, sample_weight=np.array([3.0, 0.0]))
    assert float(loss) == pytest.approx(3 * FIRST / 2)


def test_loss_without_any_label_is_zero():
    loss = StepCrossentropy()(np.array([[-1], [0]]), np.zeros((2, 1, 2), "f4"))
    assert float(loss) == pytest.approx(np.log(2) / 2)


def test_accuracy_is_over_all_labelled_steps():
    accuracy = StepAccuracy()
    accuracy.update_state(LABELS, LOGITS)
    assert float(accuracy.result()) == pytest.approx(1 / 3)
    accuracy.update_state(LABELS, LOGITS, sample_weight=[1.0, 0.0])
    assert float(accuracy.result()) == pytest.approx(2 / 5)


def test_masks_of_the_network_change_nothing():
    network = StepClassifier(RecurrentBackbone(4, 1, []), num_classes=2)
    xs = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("f4")
    mask = tf.constant([[True] * 4, [True, True, False, False]])
    outputs = network(xs, mask=mask)
    expected = StepCrossentropy()(LABELS, outputs.numpy())
    assert float(StepCrossentropy()(LABELS, outputs)) == pytest.approx(float(expected))


@pytest.mark.slow
def test_accuracy_counts_beyond_what_float32_counts():
    accuracy = StepAccuracy()
    accuracy.update_state(LABELS[:1], LOGITS[:1], sample_weight=[2.0**24])  # 1 of 2 is right
    for _ in range(5000):
        accuracy.update_state([[1]], LOGITS[:1, :1])
    expected = (2**24 + 5000) / (2**25 + 5000)
    assert float(accuracy.result()) == pytest.approx(expected, rel=1e-7)

import itertools
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from nrnm_keras.models import AdversarialTraining, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import StepStacking

VECTORS = np.array([[9, 9], [1, 0], [0, 2], [-1, 1], [2, -3]], "float32")  # 0 is padding
IDS = np.array([[1, 2, 3, 4], [4, 2, 0, 0], [3, 0, 0, 0]], "int32")
NO_DROPOUT = {"dropout": 0.0, "recurrent_dropout": 0.0, "zoneout": 0.0}


class Sum(layers.Layer):
    """The sum of the valid steps times a matrix: logits that are linear in the embeddings."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = self.add_weight(shape=matrix.shape, name="matrix")
        self.matrix.assign(matrix)
        self.supports_masking = True

    def call(self, vectors, mask=None):
        total = ops.sum(vectors * ops.cast(ops.expand_dims(mask, -1), vectors.dtype), axis=1)
        return ops.matmul(total, ops.cast(self.matrix, vectors.dtype))

    def compute_mask(self, inputs, previous_mask=None):
        return None


def linear(matrix, **arguments):
    """Returns the training of a network whose logits are the sum of the vectors times a matrix."""
    matrix = np.array(matrix, "float32")
    embedding = layers.Embedding(*VECTORS.shape, mask_zero=True)
    network = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, Sum(matrix)])
    embedding.set_weights([VECTORS])
    return AdversarialTraining(network, longest=4, **arguments)


def recurrent(classes=3, between=(), backbone=None, dropout=0.0, **arguments):
    """Returns the training of a network with the memory, of weights so large that it bends."""
    keras.utils.set_random_seed(0)
    options = {"block_size": 2, "stride": 1, "num_heads": 2, **(backbone or {})}
    backbone = RecurrentBackbone(4, num_layers=1, nrnm_layers=(1,), nrnm_options=options)
    classifier = SequenceClassifier(backbone, classes, dropout=dropout)
    embedding = layers.Embedding(20, 3, mask_zero=True)
    network = keras.Sequential(
        [keras.Input((None,), dtype="int32"), embedding, *between, classifier]
    )
    for weight in network.weights:
        weight.assign(np.random.default_rng(len(weight.shape)).normal(0, 1, weight.shape))
    return AdversarialTraining(network, longest=6, **arguments)


def texts(lengths=(6, 4, 1, 5)):
    ids = np.random.default_rng(1).integers(1, 20, (len(lengths), 6)).astype("int32")
    return np.where(np.arange(6) < np.array(lengths)[:, None], ids, 0)


def softmax(logits):
    exponentials = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def divergence(p, q):
    return (p * np.log(p / q)).sum(axis=-1)


def deviations(vectors):
    """The definition, with the shares of Zipf's law that `log_frequencies` documents."""
    vectors = vectors[1:]
    ranks = np.arange(len(vectors))
    shares = np.log((ranks + 2) / (ranks + 1)) / np.log(len(vectors) + 1)
    mean = shares @ vectors
    return np.sqrt(shares @ (vectors - mean) ** 2)


def virtual(model, ids):
    """The perturbation away from the output, and the output's probabilities."""
    probabilities = softmax(np.array(model(ids, training=True), "float32"))
    return np.array(model.perturbation(ids, probabilities, model._random_step(ids))), probabilities


def test_deviations_are_weighted_by_frequency():
    # Shares log(2), log(3/2), log(4/3) and log(5/4), over log(5).
    assert deviations(VECTORS) == pytest.approx([0.9402, 1.5373], abs=1e-4)
    np.testing.assert_allclose(linear(np.eye(2)).deviations(), deviations(VECTORS), rtol=1e-5)


def test_perturbation_of_a_linear_network_by_hand():
    """The logits' difference is d . the sum of the vectors: every token moves along D * d."""
    model = linear([[3, 1], [-1, 3]], norm=2.0)
    labels = np.array([0, 1, 0])
    along = deviations(VECTORS) * np.array([-2, 4])  # from class 0 to class 1
    along /= np.linalg.norm(along)
    found = np.array(model.perturbation(IDS, np.eye(2, dtype="float32")[labels]))
    for row, length, sign in zip(found, (4, 2, 1), (1, -1, 1), strict=True):
        expected = np.zeros((4, 2))
        expected[:length] = sign * 2.0 / np.sqrt(length) * along
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_perturbed_embeddings_are_moved_by_that_many_deviations():
    model = linear(np.eye(2))
    perturbation = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    added = perturbation * deviations(VECTORS) * (IDS != 0)[..., None]
    model(IDS, training=True)
    expected = model(IDS) + added.sum(axis=1)
    np.testing.assert_allclose(model.perturbed_logits(IDS, perturbation), expected, rtol=1e-5)


def test_perturbation_follows_the_finite_differences_of_the_cross_entropy():
    model, ids, labels = recurrent(norm=3.0), texts(), np.array([0, 2, 1, 1])
    model(ids, training=True)
    gradient = np.zeros((*ids.shape, 3))
    for step, feature in np.ndindex(6, 3):
        losses = []
        for sign in (1, -1):
            moved = np.zeros((*ids.shape, 3), "float32")
            moved[:, step, feature] = 0.01 * sign
            probabilities = softmax(np.array(model.perturbed_logits(ids, moved), "float64"))
            losses.append(-np.log(probabilities[np.arange(4), labels]))
        gradient[:, step, feature] = (losses[0] - losses[1]) / 0.02
    expected = 3.0 * gradient / np.linalg.norm(gradient, axis=(1, 2), keepdims=True)
    found = model.perturbation(ids, np.eye(3, dtype="float32")[labels])
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_virtual_perturbation_of_two_classes_is_the_dominant_eigenvector():
    """The Hessian of the divergence has rank one then: a single iteration finds its vector."""
    model = linear([[1, 2], [3, -1]], adversarial="virtual", norm=1.0)
    found, _ = virtual(model, IDS)
    along = deviations(VECTORS) * np.array([1, -4])
    for row, length in zip(found, (4, 2, 1), strict=True):
        expected = np.tile(along / np.linalg.norm(along) / np.sqrt(length), (length, 1))
        cosine = (row[:length] * expected).sum()
        assert abs(cosine) == pytest.approx(1.0, abs=1e-5)


def test_iterations_end_at_the_dominant_eigenvector():
    matrix = np.array([[1, -2, 0.5], [0.3, 1, -1]])
    model = linear(matrix, norm=0.02)
    ids = IDS[2:]
    probabilities = softmax(np.array(model(ids, training=True)))
    p = probabilities[0]
    scaled = deviations(VECTORS)[:, None] * matrix
    hessian = scaled @ (np.diag(p) - np.outer(p, p)) @ scaled.T
    values, vectors = np.linalg.eigh(hessian)
    assert values[1] > 2 * values[0] > 0
    found = np.array([[[0.01, 0.01], [0, 0], [0, 0], [0, 0]]], "float32")
    for _ in range(30):
        found = model.perturbation(ids, probabilities, found)
    cosine = np.array(found)[0, 0] @ vectors[:, 1] / 0.02
    assert abs(cosine) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_virtual_perturbation_changes_the_output_more_than_random_ones(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = recurrent(classes=4, adversarial="virtual", norm=0.5)
        ids = texts((6, 5, 3, 6))
        found, p = virtual(model, ids)
        assert found.dtype == "float32"
        np.testing.assert_allclose(np.linalg.norm(found, axis=(1, 2)), 0.5, rtol=1e-5)
        random = np.random.default_rng(0)
        changes = []
        for _ in range(20):
            other = random.normal(size=found.shape) * (ids != 0)[..., None]
            other *= 0.5 / np.linalg.norm(other, axis=(1, 2), keepdims=True)
            logits = model.perturbed_logits(ids, other.astype("float32"))
            changes.append(divergence(p, softmax(np.array(logits, "float32"))))
        ours = divergence(p, softmax(np.array(model.perturbed_logits(ids, found), "float32")))
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.all(ours > 1.5 * np.mean(changes, axis=0))


@pytest.mark.parametrize("mode", ["labels", "virtual"])
def test_padding_is_not_perturbed_and_makes_no_difference(mode):
    model, ids = recurrent(), texts()
    wide = np.pad(ids, [(0, 0), (0, 5)])
    found = []
    for each in (ids, wide):
        probabilities = softmax(np.array(model(each, training=True)))
        start = None
        if mode == "virtual":
            model.seed_generator.state.assign([3, 0])
            start = model._random_step(each)
            assert not np.any(np.array(start)[each == 0])
        found.append(np.array(model.perturbation(each, probabilities[::-1], start)))
    assert not np.any(found[1][wide == 0])
    np.testing.assert_allclose(found[1][:, :6], found[0], rtol=1e-3, atol=1e-4)


def test_random_steps_do_not_depend_on_the_other_rows():
    model, ids = recurrent(), texts()
    whole, parts = [], []
    for rows, steps in ((slice(None), whole), (slice(2), parts), (slice(2, 4), parts)):
        model.seed_generator.state.assign([3, 0])
        steps.append(np.array(model._random_step(ids[rows])))
    np.testing.assert_array_equal(np.concatenate(parts), whole[0])
    np.testing.assert_allclose(np.linalg.norm(whole[0], axis=(1, 2)), 5.0, rtol=1e-5)
    assert np.any(np.array(model._random_step(ids)) != whole[0])


def test_dropouts_are_the_same_with_and_without_the_perturbation():
    between = [layers.Dropout(0.4, noise_shape=(None, None, 1)), layers.SpatialDropout1D(0.3)]
    noisy = {"zoneout": 0.3, "memory_dropout": 0.3, "recurrent_dropout": 0.3, "dropout": 0.3}
    model, ids = recurrent(between=between, backbone=noisy, dropout=0.3), texts()
    nothing = np.zeros((*ids.shape, 3), "float32")
    outputs = []
    for _ in range(2):
        outputs.append(np.array(model(ids, training=True)))
        np.testing.assert_array_equal(model.perturbed_logits(ids, nothing), outputs[-1])
        model.perturbation(ids, softmax(outputs[-1]))
    assert np.any(outputs[0] != outputs[1])


def test_joined_steps_are_masked_as_in_the_network():
    model, ids = recurrent(between=[StepStacking(4, mode="sum")]), texts()
    nothing = np.zeros((*ids.shape, 3), "float32")
    logits = np.array(model(ids, training=True))
    np.testing.assert_array_equal(model.perturbed_logits(ids, nothing), logits)
    # Of the shortest texts, the second of the joined steps is masked.
    short = np.array(model(ids[2:3, :4], training=True))
    np.testing.assert_allclose(model.perturbed_logits(ids, nothing)[2:3], short, rtol=1e-4)
    moved = np.array(model.perturbation(ids, softmax(logits)[::-1]))
    assert not np.any(moved[ids == 0]) and np.all(np.any(moved[ids > 0], axis=-1))


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    return model


def test_loss_counts_labels_by_their_share_and_filling_rows_nowhere():
    model = compiled(recurrent(labeled_share=0.25, entropy_weight=0.5))
    ids, labels = texts((6, 4, 3, 5)), np.array([2, -1, 0, 1])
    weights = np.array([4 / 3, 4 / 3, 4 / 3, 0], "float32")
    logits = model(ids, training=True)
    p = softmax(np.array(logits, "float64"))
    cross_entropy = -np.log(p[[0, 2], [2, 0]]).sum() * (4 / 3) / 0.25 / 4
    entropy = -(p[:3] * np.log(p[:3])).sum(axis=1).mean()
    loss = model.compute_loss(ids, labels, logits, weights, training=True)
    assert float(loss) == pytest.approx(cross_entropy + 0.5 * entropy, rel=1e-5)
    loss = model.compute_loss(ids, labels, logits, weights, training=False)
    assert float(loss) == pytest.approx(cross_entropy, rel=1e-5)


@pytest.mark.parametrize("mode", ["labels", "virtual"])
def test_loss_adds_what_the_perturbation_does_and_no_gradient_goes_through_it(mode):
    model = compiled(recurrent(adversarial=mode, norm=2.0, weight=0.7, labeled_share=0.5))
    ids, labels = texts((6, 4, 3, 5)), np.array([2, -1, 0, 1])
    weights = np.array([4 / 3, 4 / 3, 4 / 3, 0], "float32")
    variables = model.trainable_variables

    def gradients(loss_of):
        model.seed_generator.state.assign([5, 0])
        with tf.GradientTape() as tape:
            loss = loss_of(model(ids, training=True))
        return float(loss), tape.gradient(loss, variables)

    def ours(logits):
        return model.compute_loss(ids, labels, logits, weights, training=True)

    def expected(logits):
        labelled = weights * (labels >= 0) / 0.5
        targets, start = ops.one_hot(np.maximum(labels, 0), 3), None
        if mode == "virtual":
            targets, start = ops.softmax(logits), model._random_step(ids)
        constant = np.array(model.perturbation(ids, targets, start))
        moved = tf.nn.log_softmax(model.perturbed_logits(ids, constant))
        clean = tf.nn.log_softmax(logits)
        rows = np.stack([np.arange(4), np.maximum(labels, 0)], axis=1)
        loss = -tf.reduce_sum(labelled * tf.gather_nd(clean, rows)) / 4
        if mode == "labels":
            return loss - 0.7 * tf.reduce_sum(labelled * tf.gather_nd(moved, rows)) / 4
        fixed = tf.stop_gradient(clean)
        divergences = tf.reduce_sum(tf.exp(fixed) * (fixed - moved), axis=1)
        return loss + 0.7 * tf.reduce_sum(weights * divergences) / 4

    (loss, found), (right_loss, right) = gradients(ours), gradients(expected)
    assert loss == pytest.approx(right_loss, rel=1e-5)
    for one, other in zip(found, right, strict=True):
        one, other = (tf.convert_to_tensor(x).numpy() for x in (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_text_that_changes_nothing_has_no_perturbation():
    model = linear(np.zeros((2, 2)), adversarial="virtual")
    assert not np.any(virtual(model, IDS)[0])
    assert np.all(np.isfinite(virtual(model, IDS)[1]))


def test_called_it_is_the_network():
    model = recurrent(adversarial="virtual")
    np.testing.assert_array_equal(model(texts()), model.network(texts()))
    for one, other in itertools.zip_longest(model.get_weights(), model.network.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_unknown_mode():
    with pytest.raises(ValueError, match="adversarial='both'"):
        linear(np.eye(2), adversarial="both")


_STEPS = """
import json
from tests.models.test_adversarial_training import losses_of_training
print(json.dumps(losses_of_training()))
"""


def losses_of_training():
    """The losses of three steps: what they are follows from all the gradients before."""
    model = compiled(
        linear([[3, 1], [-1, 3]], adversarial="labels", entropy_weight=0.3, labeled_share=0.5)
    )
    return [float(model.train_on_batch(IDS, np.array([0, -1, 1]))) for _ in range(3)]


@pytest.mark.slow
def test_jax_takes_the_same_steps():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", _STEPS]
    output = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
    found = json.loads(output.splitlines()[-1])
    assert found == pytest.approx(losses_of_training(), rel=1e-4)
    assert found[2] < found[0]

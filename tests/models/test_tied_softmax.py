import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models.candidate_sampling import draw_candidates
from nrnm_keras.models.tied_softmax import TiedSoftmax

VOCABULARY, SIZE = 12, 5  # padding included


def softmax_layer(num_samples=0):
    random = np.random.default_rng(0)
    embedding = layers.Embedding(VOCABULARY, SIZE)
    embedding.build()
    softmax = TiedSoftmax(embedding, num_samples)
    softmax.build((None, None, SIZE))
    embedding.embeddings.assign(random.normal(size=(VOCABULARY, SIZE)))
    softmax.bias.assign(random.normal(size=VOCABULARY))
    return softmax


def oracle(softmax, contexts, tokens):
    """The negative log-likelihoods, one by one."""
    matrix, bias = map(ops.convert_to_numpy, (softmax.embedding.embeddings, softmax.bias))
    likelihoods = np.zeros(tokens.shape)
    for place, token in np.ndenumerate(tokens):
        powers = [np.exp(matrix[i] @ contexts[place] + bias[i]) for i in range(1, VOCABULARY)]
        likelihoods[place] = -np.log(powers[token - 1] / sum(powers))
    return likelihoods


@pytest.fixture
def contexts():
    return np.random.default_rng(1).normal(size=(3, 4, SIZE)).astype("float32")


TOKENS = np.array([[1, 11, 3, 4], [5, 5, 2, 1], [7, 8, 9, 10]])


def test_whole_softmax_over_all_tokens_but_padding(contexts):
    softmax = softmax_layer()
    expected = oracle(softmax, contexts, TOKENS)
    np.testing.assert_allclose(softmax(contexts, TOKENS), expected, rtol=1e-5)


def test_softmax_is_tied_to_the_embedding():
    softmax = softmax_layer()
    assert [tuple(weight.shape) for weight in softmax.weights] == [
        (VOCABULARY,),
        (VOCABULARY, SIZE),
    ]
    assert softmax.weights[1] is softmax.embedding.embeddings


def test_samples_are_for_training_only(contexts):
    softmax = softmax_layer(3)
    expected = oracle(softmax, contexts, TOKENS)
    np.testing.assert_allclose(softmax(contexts, TOKENS, training=False), expected, rtol=1e-5)
    assert not np.allclose(softmax(contexts, TOKENS, training=True), expected, rtol=1e-2)


def test_as_many_samples_as_tokens_are_the_whole_softmax(contexts):
    for num_samples in (VOCABULARY - 1, 1000):
        softmax = softmax_layer(num_samples)
        expected = oracle(softmax, contexts, TOKENS)
        np.testing.assert_allclose(softmax(contexts, TOKENS, training=True), expected, rtol=1e-5)


@pytest.mark.parametrize("num_samples", [1, 4, 10])
def test_sampled_softmax_has_the_right_expectation(contexts, num_samples):
    """That of 1 / likelihood, the sum of the softmax relative to the right token, is exact.

    A right token that is drawn and counted twice would show here: it weighs 1 in the sum.
    """
    keras.utils.set_random_seed(0)
    softmax = softmax_layer(num_samples)
    draws = [ops.exp(softmax(contexts, TOKENS, training=True)) for _ in range(300)]
    expected = np.exp(oracle(softmax, contexts, TOKENS))
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - expected) < 5 * error + 1e-4 * expected).all()


def test_gradient_comes_nearer_with_more_samples(contexts):
    tf = pytest.importorskip("tensorflow")

    def gradient(softmax):
        with tf.GradientTape() as tape:
            loss = ops.mean(softmax(contexts, TOKENS, training=True))
        (gradient,) = tape.gradient(loss, [softmax.embedding.embeddings.value])
        return tf.convert_to_tensor(gradient).numpy()

    keras.utils.set_random_seed(0)
    whole, errors = gradient(softmax_layer()), []
    for num_samples in (1, 4, 10):
        softmax = softmax_layer(num_samples)
        mean = np.mean([gradient(softmax) for _ in range(60)], axis=0)
        errors.append(np.linalg.norm(mean - whole) / np.linalg.norm(whole))
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.1


def test_candidates_differ_and_frequent_tokens_come_more_often():
    counts, probabilities = np.zeros(50), np.zeros(50)
    seed = keras.random.SeedGenerator(0)
    for _ in range(600):
        candidates, log_probabilities = map(np.array, draw_candidates(5, 50, seed))
        assert len(set(candidates.tolist())) == 5 and (log_probabilities <= 0).all()
        counts[candidates] += 1
        probabilities[candidates] += np.exp(-log_probabilities)
    assert counts[0] > counts[3] > counts[20] > 0
    # How often a token is there, divided by its probability of being there.
    np.testing.assert_allclose(probabilities[:10] / 600, np.ones(10), atol=0.25)


def test_biases_start_at_zipfs_law():
    softmax = TiedSoftmax(layers.Embedding(VOCABULARY, SIZE))
    softmax.embedding.build()
    likelihoods = softmax(np.zeros((1, 11, SIZE)), np.arange(1, 12)[None])
    shares = [np.log((k + 2) / (k + 1)) / np.log(12) for k in range(11)]
    np.testing.assert_allclose(np.exp(-np.array(likelihoods))[0], shares, rtol=1e-5)

import numpy as np
import pytest

from nrnm_keras.models.token_scores import Perplexity, TokenNegativeLogLikelihood

TOKENS = np.array([[4, 2, -1], [3, -1, -1]])
LIKELIHOODS = np.array([[1.0, 3.0, 50.0], [5.0, 50.0, 50.0]], "float32")


def test_loss_is_the_mean_over_sequences_of_the_mean_over_tokens():
    assert float(TokenNegativeLogLikelihood()(TOKENS, LIKELIHOODS)) == pytest.approx((2 + 5) / 2)
    weighted = TokenNegativeLogLikelihood()(TOKENS, LIKELIHOODS, np.array([2.0, 0.0]))
    assert float(weighted) == pytest.approx(2)


def test_perplexity_is_over_all_tokens_of_all_batches():
    perplexity = Perplexity()
    perplexity.update_state(TOKENS[:1], LIKELIHOODS[:1])
    perplexity.update_state(TOKENS[1:], LIKELIHOODS[1:])
    assert float(perplexity.result()) == pytest.approx(np.exp((1 + 3 + 5) / 3))
    perplexity.reset_state()
    perplexity.update_state(TOKENS, LIKELIHOODS, np.array([1.0, 0.0]))
    assert float(perplexity.result()) == pytest.approx(np.exp(2))


def test_of_equally_likely_tokens_it_is_their_number():
    assert float(Perplexity()(TOKENS, np.full((2, 3), np.log(8000)))) == pytest.approx(8000)


@pytest.mark.slow
def test_perplexity_counts_beyond_what_float32_counts():
    perplexity = Perplexity()
    perplexity.update_state([[1]], np.log([[4.0]]), sample_weight=[2.0**24])
    for _ in range(5000):
        perplexity.update_state([[1]], np.array([[100.0]]))
    expected = np.exp((2**24 * np.log(4) + 5000 * 100) / (2**24 + 5000))
    assert float(perplexity.result()) == pytest.approx(expected, rel=3e-7)


def test_perplexity_of_the_impossible_is_infinite():
    assert float(Perplexity()(np.array([[5]]), np.array([[np.inf]]))) == np.inf

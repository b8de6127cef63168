import numpy as np
import pytest

from nrnm_keras.models.token_scores import Perplexity, TokenLikelihood

TOKENS = np.array([[4, 2, -1], [3, -1, -1]])
LIKELIHOODS = np.array([[1.0, 3.0, 50.0], [5.0, 50.0, 50.0]], "float32")


def test_loss_is_the_mean_over_sequences_of_the_mean_over_tokens():
    assert float(TokenLikelihood()(TOKENS, LIKELIHOODS)) == pytest.approx((2 + 5) / 2)
    weighted = TokenLikelihood()(TOKENS, LIKELIHOODS, np.array([2.0, 0.0]))
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

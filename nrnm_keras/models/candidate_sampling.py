"""Candidate sampling: tokens drawn by frequency, for a sampled softmax."""

import math

import keras
from keras import ops, random

from nrnm_keras.typing import Tensor


def log_frequencies(num_tokens: int) -> Tensor:
    """Returns the log frequencies of tokens by Zipf's law.

    In a vocabulary of n tokens sorted by frequency, the k-th token, k from 0, has the frequency
    log((k + 2) / (k + 1)) / log(n + 1).

    Args:
        num_tokens: Integer, the size of the vocabulary.

    Returns:
        `(num_tokens,)`.

    Example:

    >>> shares = ops.exp(log_frequencies(3))
    >>> [round(float(share), 3) for share in shares]
    [0.5, 0.292, 0.208]
    """
    ranks = ops.arange(num_tokens, dtype="float32")
    return ops.log(ops.log1p(1 / (ranks + 1)) / math.log(num_tokens + 1))


def draw_candidates(
    count: int, num_tokens: int, seed: int | keras.random.SeedGenerator
) -> tuple[Tensor, Tensor]:
    """Draws tokens without replacement, frequent ones more often.

    The vocabulary is sorted by frequency. The tokens with the largest `log frequency + Gumbel
    noise` are drawn. Given the next largest value, each token is included independently with a
    known probability. A sum over the candidates in which each term is divided by its inclusion
    probability has the sum over the vocabulary as its expectation (Kool et al., Stochastic Beams
    and Where to Find Them, ICML 2019, section 4).

    Args:
        count: Positive integer, less than `num_tokens`.
        num_tokens: Integer, the size of the vocabulary.
        seed: Integer or `keras.random.SeedGenerator`.

    Returns:
        Different integers from 0 to `num_tokens - 1`, `(count,)`, and the logarithms of their
        inclusion probabilities, `(count,)`.

    Example:

    >>> candidates, log_probabilities = draw_candidates(5, 100, seed=0)
    >>> candidates.shape, bool(ops.all(log_probabilities <= 0))
    (TensorShape([5]), True)
    """
    frequencies = log_frequencies(num_tokens)
    uniform = random.uniform((num_tokens,), minval=1e-20, seed=seed)
    largest, candidates = ops.top_k(frequencies - ops.log(-ops.log(uniform)), count + 1)
    candidates, next_largest = candidates[:count], largest[count]
    rates = ops.exp(ops.take(frequencies, candidates) - next_largest)
    return candidates, ops.log(-ops.expm1(-rates))

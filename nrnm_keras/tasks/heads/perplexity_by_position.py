"""The perplexity of a language model by the position of the token in its text."""

from typing import NamedTuple

import numpy as np

_FIRST_RANGE = 8  # tokens; each further range reaches twice as far


class RangePerplexity(NamedTuple):
    """The perplexity of the tokens at a range of positions.

    Attributes:
        first: the first position of the range, counted from 1.
        last: its last position.
        tokens: the number of tokens there, over all texts.
        perplexity: theirs.
    """

    first: int
    last: int
    tokens: int
    perplexity: float


def perplexity_by_position(
    negative_log_likelihoods: np.ndarray, is_token: np.ndarray
) -> list[RangePerplexity]:
    """Returns the `RangePerplexity` of the positions 1 to 8, 9 to 16, 17 to 32 and so on.

    Args:
        negative_log_likelihoods: those of the tokens, `(texts, timesteps)`.
        is_token: booleans `(texts, timesteps)`, False for padding, which is on the right.

    Example:

    >>> values = np.log([[2.0] * 8 + [3.0, 5.0], [8.0] * 8 + [3.0, 0.1]])
    >>> first, second = perplexity_by_position(values, values >= 0)
    >>> (first.last, first.tokens, round(first.perplexity, 4))
    (8, 16, 4.0)
    >>> (second.first, second.last, second.tokens, round(second.perplexity, 4))
    (9, 10, 3, 3.5569)
    """
    timesteps = int(is_token.sum(axis=1).max(initial=0))
    ranges, first, last = [], 0, _FIRST_RANGE
    while first < timesteps:
        last = min(last, timesteps)
        here = is_token[:, first:last]
        mean = negative_log_likelihoods[:, first:last][here].mean(dtype="float64")
        ranges.append(RangePerplexity(first + 1, last, int(here.sum()), float(np.exp(mean))))
        first, last = last, 2 * last
    return ranges

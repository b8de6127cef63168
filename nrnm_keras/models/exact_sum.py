"""Exact sums, as pairs of a rounded sum and its rounding error."""

from nrnm_keras.typing import Tensor


def add_exactly(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the rounded sum and its rounding error, which add up to exactly `a + b`.

    Source: Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B.

    Example:

    >>> [f"{float(x):g}" for x in add_exactly(np.float32(2**24), np.float32(1.0))]
    ['1.67772e+07', '1']
    """
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)

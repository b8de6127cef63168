"""Sums that lose nothing to rounding: two numbers of which the second is what the first lacks."""

from nrnm_keras.typing import Tensor


def add_exactly(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the rounded sum, and what the rounding lost: together exactly `a + b`.

    Source: Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B.

    Example:

    >>> [f"{float(x):g}" for x in add_exactly(np.float32(2**24), np.float32(1.0))]
    ['1.67772e+07', '1']
    """
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)

"""A running mean that stays exact for any number of values.

In float32 a count stops at 2^24 (6.5 days at 30 values per second), and sums lose small values.
Here the count is an integer, and the mean is a pair of a rounded mean and its rounding error.
"""

from keras import ops

from nrnm_keras.models.exact_sum import add_exactly
from nrnm_keras.typing import Tensor

# From here on older values lose weight: after two years at 30 values per second.
_LARGEST_COUNT = 2**31 - 1


def count_more(count: Tensor, is_valid: Tensor) -> Tensor:
    """Adds 1 where a value is valid.

    Args:
        count: int32 `(batch, 1)`.
        is_valid: Booleans `(batch, 1)`.

    Returns:
        int32 `(batch, 1)`, at most 2^31 - 1.
    """
    return ops.minimum(count, _LARGEST_COUNT - 1) + ops.cast(is_valid, "int32")


def update_mean(mean: Tensor, rest: Tensor, value: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Adds one value: m_n = m_{n-1} + (x_n - m_{n-1}) / n.

    Args:
        mean: float32 `(batch, features)`, the rounded mean of the previous values.
        rest: float32 `(batch, features)`, its rounding error.
        value: float32 `(batch, features)`, the new value.
        count: int32 `(batch, 1)`, the number of values including the new one, at least 1.

    Returns:
        The new mean and its rounding error.

    Example:

    >>> mean, rest = ops.ones((1, 1)), ops.zeros((1, 1))
    >>> for count in range(2**24, 2**24 + 3):  # each lowers the mean by half of its last digit
    ...     mean, rest = update_mean(mean, rest, ops.zeros((1, 1)), ops.array([[count]]))
    >>> f"{1 - float(mean[0, 0] + rest[0, 0]):.3g}"
    '1.79e-07'
    """
    change = rest + ((value - mean) - rest) / ops.cast(count, "float32")
    return add_exactly(mean, change)

"""A mean that takes one value at a time and stays exact, however many there are.

In float32 a sum stops growing, and a count stops at 2^24 (6.5 days at 30 values a second). Here the
count is an integer, and of the mean both what float32 holds and what it rounds off are kept.
"""

from keras import ops

from nrnm_keras.models.exact_sum import add_exactly
from nrnm_keras.typing import Tensor

# From here on older values fade, which is after more than two years at 30 values a second.
_LARGEST_COUNT = 2**31 - 1


def count_more(count: Tensor, is_valid: Tensor) -> Tensor:
    """Adds 1 where a value is valid.

    Args:
        count: int32 `(batch, 1)`.
        is_valid: Booleans `(batch, 1)`.

    Returns:
        int32 `(batch, 1)`, 2^31 - 1 at most.
    """
    return ops.minimum(count, _LARGEST_COUNT - 1) + ops.cast(is_valid, "int32")


def update_mean(mean: Tensor, rest: Tensor, value: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Takes in one more value: m_n = m_{n-1} + (x_n - m_{n-1}) / n.

    Args:
        mean: float32 `(batch, features)`, the mean of the values before.
        rest: likewise, what is to be added to it and is too small for its last digit.
        value: likewise, the new value.
        count: int32 `(batch, 1)`, the number of values with the new one, at least 1.

    Returns:
        The new mean and the new rest.

    Example:

    >>> mean, rest = ops.ones((1, 1)), ops.zeros((1, 1))
    >>> for count in range(2**24, 2**24 + 3):  # each lowers the mean by half of its last digit
    ...     mean, rest = update_mean(mean, rest, ops.zeros((1, 1)), ops.array([[count]]))
    >>> f"{1 - float(mean[0, 0] + rest[0, 0]):.3g}"
    '1.79e-07'
    """
    change = rest + ((value - mean) - rest) / ops.cast(count, "float32")
    return add_exactly(mean, change)

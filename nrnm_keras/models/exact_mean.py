"""ExactMean: a mean over any number of values."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.models.exact_sum import add_exactly
from nrnm_keras.typing import Tensor


class ExactMean(keras.metrics.Metric):
    """The weighted mean of any number of values; `keras.metrics.Mean` stops counting at 2^24.

    Arguments are those of `keras.metrics.Metric`.

    Call arguments:
        values: Numbers of any shape.
        sample_weight: Their weights, of the same shape.

    Example:

    >>> mean = ExactMean()
    >>> float(mean(np.array([1.0, 4.0]), np.array([2.0, 1.0])))
    2.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._total, self._count = (self._exact_sum(part) for part in ("total", "count"))

    def update_state(self, values: Tensor, sample_weight: Tensor) -> None:
        """Adds the values of a batch."""
        weights = ops.cast(sample_weight, self.dtype)
        _add(self._total, ops.sum(ops.cast(values, self.dtype) * weights))
        _add(self._count, ops.sum(weights))

    def result(self) -> Tensor:
        """Returns the mean of the values so far, or 0 without values."""
        total, count = sum(self._total), sum(self._count)
        return ops.divide_no_nan(total, count)

    def _exact_sum(self, name):
        return [self.add_variable((), "zeros", name=part) for part in (name, f"{name}_rounded_off")]


def _add(exact_sum, value):
    """Adds to a pair of variables: the rounded sum, and its rounding error."""
    total, rest = exact_sum
    new, lost = add_exactly(ops.convert_to_tensor(total), value)
    total.assign(new)
    rest.assign_add(ops.where(ops.isfinite(new), lost, 0))

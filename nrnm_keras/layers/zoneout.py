"""Zoneout (Krueger et al. 2017, section 3.1): units randomly keep their old value."""

from collections.abc import Callable
from typing import Any

from keras import ops, random

from nrnm_keras.typing import Tensor


def kept_fraction(
    rate: float, shape: Any, dtype: Any, training: bool, draw_seed: Callable[[], Any]
) -> Tensor | float | None:
    """Returns the zoneout mask of a state, which is 1 where a unit keeps its old value.

    In training, the mask is drawn with the seed that `draw_seed` returns. At inference, it is its
    expectation, the rate. It is None if the rate is 0.
    """
    if not rate:
        return None
    if not training:
        return float(rate)
    return ops.cast(random.uniform(shape, seed=draw_seed()) < rate, dtype)


def hold(new: Tensor, old: Tensor, kept: Tensor | float | None) -> Tensor:
    """Applies a mask of `kept_fraction` to the new and the old value of a state."""
    return new if kept is None else kept * old + (1 - kept) * new

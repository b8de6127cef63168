"""Zoneout (Krueger et al. 2017, section 3.1): units that keep their old value."""

from collections.abc import Callable
from typing import Any

from keras import ops, random

from nrnm_keras.typing import Tensor


def kept_fraction(
    rate: float, shape: Any, dtype: Any, training: bool, draw_seed: Callable[[], Any]
) -> Tensor | float | None:
    """How much of its old value each unit of a state keeps.

    In training a tensor of 0 and 1, drawn with the seed that `draw_seed` returns; at inference
    the rate itself; `None` if the rate is 0.
    """
    if not rate:
        return None
    if not training:
        return float(rate)
    return ops.cast(random.uniform(shape, seed=draw_seed()) < rate, dtype)


def hold(new: Tensor, old: Tensor, kept: Tensor | float | None) -> Tensor:
    """Mixes the new and the old value of a state; `kept` as `kept_fraction` returns it."""
    return new if kept is None else kept * old + (1 - kept) * new

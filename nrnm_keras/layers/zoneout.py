"""Zoneout (Krueger et al. 2017, section 3.1): units that keep their old value."""

from keras import ops, random


def kept_fraction(rate, shape, dtype, training, draw_seed):
    """How much of its old value each unit of a state keeps.

    In training a tensor of 0 and 1, drawn with the seed that `draw_seed` returns; at inference
    the rate itself; `None` if the rate is 0.
    """
    if not rate:
        return None
    if not training:
        return float(rate)
    return ops.cast(random.uniform(shape, seed=draw_seed()) < rate, dtype)


def hold(new, old, kept):
    """Mixes the new and the old value of a state; `kept` as `kept_fraction` returns it."""
    return new if kept is None else kept * old + (1 - kept) * new

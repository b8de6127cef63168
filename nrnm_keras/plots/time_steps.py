"""TimeSteps: the names of the time steps of one input."""

from typing import NamedTuple

import numpy as np


class TimeSteps(NamedTuple):
    """The time steps of one input.

    Attributes:
        unit: what a time step is, `"word"`, `"frame"` or `"time step"`.
        numbers: the number of each word, frame or time step, counted from 1; a time step between
            two frames has no whole number; `(timesteps,)`.
        names: list of strings: the words, or the rounded numbers.
    """

    unit: str
    numbers: np.ndarray
    names: list

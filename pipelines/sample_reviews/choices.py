"""Random choices that are the same in every Python version: they use `random()` only."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pick(random_: random.Random, choices: Sequence[T]) -> T:
    """Returns one of the choices.

    Example:

    >>> pick(random.Random(0), ["good", "great"])
    'great'
    """
    return choices[int(random_.random() * len(choices))]


def shuffled(random_: random.Random, choices: Sequence[T]) -> list[T]:
    """Returns the choices in random order."""
    return sorted(choices, key=lambda _: random_.random())


def happens(random_: random.Random, probability: float) -> bool:
    """Returns true with this probability."""
    return random_.random() < probability

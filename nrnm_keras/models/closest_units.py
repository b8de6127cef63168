"""The width whose network has a given number of parameters, as closely as possible."""

from collections.abc import Callable


def closest_units(parameters: int, multiple: int, count: Callable[[int], int]) -> int:
    """Returns the multiple whose number of parameters is closest to a given one.

    Args:
        parameters: integer, the number of parameters.
        multiple: what the units must be a multiple of.
        count: units -> the number of parameters, which grows with them; asked again for the same.

    Example:

    >>> closest_units(60_000, 4, lambda units: 4 * units * (64 + units + 1))
    96
    """
    low, high = 1, 2
    while count(high * multiple) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle * multiple) < parameters else (low, middle)
    candidates = (low * multiple, high * multiple)
    return min(candidates, key=lambda units: abs(count(units) - parameters))

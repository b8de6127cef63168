"""Colors that color-blind readers can tell apart, and the limits of color scales."""

# The palette of Okabe and Ito (2008) without its yellow, which is too light for lines.
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY_BLUE, BLACK = "#CC79A7", "#56B4E9", "#000000"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY_BLUE, BLACK)

SMALL_RATIO = 1.5


def scale_limits(least: float, most: float) -> tuple[float, float]:
    """Returns the limits of a color scale for positive values, which are a ratio of 1.5 apart.

    A scale over differences that are next to nothing would show them as large.

    Args:
        least: the smallest of the values.
        most: the largest of them.

    Example:

    >>> scale_limits(1.0, 3.0), scale_limits(1.5, 1.5)[1] / scale_limits(1.5, 1.5)[0]
    ((1.0, 3.0), 1.5)
    """
    if most >= SMALL_RATIO * least:
        return least, most
    middle = (least * most / SMALL_RATIO) ** 0.5
    return middle, SMALL_RATIO * middle

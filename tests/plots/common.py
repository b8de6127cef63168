"""Looking at pictures: pixels are `(rows, columns, 3)` from 0 (black) to 1."""

import numpy as np
from matplotlib.image import imread


def look(path):
    """Returns the pixels of a PNG after a check that nothing touches its border."""
    pixels = imread(path, format="png")[..., :3]
    for border in (pixels[:5], pixels[-5:], pixels[:, :5], pixels[:, -5:]):
        assert np.all(border == 1)
    return pixels


def where(mask, axis):
    """Returns the first and last index along an axis where the mask of pixels is true."""
    found = np.flatnonzero(mask.any(axis=1 - axis))
    return found[0], found[-1]


def lines(pixels, axis):
    """Returns the places of the dark lines along an axis that are long enough for a border."""
    dark = np.all(pixels < 0.3, axis=2)
    places = np.flatnonzero(dark.mean(axis=1 - axis) > 0.4)
    return places[np.diff(places, prepend=-9) > 5]

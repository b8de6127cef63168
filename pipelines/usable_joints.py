"""Tells whether a recording of skeletons holds any data."""

import numpy as np


def has_usable_joint(joints: np.ndarray) -> bool:
    """Returns whether any joint of `(..., 3)` is known: finite and not all zeros.

    Example:

    >>> has_usable_joint(np.zeros((5, 1, 20, 3))), has_usable_joint(np.array([[0.0, 1.0, 2.0]]))
    (False, True)
    """
    is_known = np.isfinite(joints).all(axis=-1) & np.any(joints, axis=-1)
    return bool(is_known.any())

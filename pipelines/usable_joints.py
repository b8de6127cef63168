"""Tells whether a recording of skeletons holds any data."""

import numpy as np


def has_usable_joint(joints: np.ndarray) -> bool:
    """Returns whether any joint of `(..., 3)` is known: finite and not all zeros.

    Example:

    >>> has_usable_joint(np.zeros((5, 1, 20, 3))), has_usable_joint(np.array([[0.0, 1.0, 2.0]]))
    (False, True)
    """
    return bool(usable_joints(joints).any())


def usable_joints(joints: np.ndarray) -> np.ndarray:
    """Returns which joints of `(..., 3)` are known, a boolean array `(...)`."""
    return np.isfinite(joints).all(axis=-1) & np.any(joints, axis=-1)

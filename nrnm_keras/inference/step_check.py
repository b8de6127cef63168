"""What is wrong with the numbers of one step of a sequence."""

import numpy as np

from nrnm_keras.inference.trained_model import SKELETON


def find_fault(kind, step):
    """Says what is not finite in a step of a sequence, or returns None.

    A step may be missing: features that are all NaN are padding, and a body with a joint that is
    NaN is not there (see `NanPadding` and `SkeletonPreprocessor`). What is infinite is a mistake.

    Args:
        kind: `"skeleton"` or `"sequence"`.
        step: joints `(bodies, joints, 3)` or features `(features,)`, of any type of number.

    Example:

    >>> find_fault("sequence", np.array([1.0, np.inf]))
    'feature 1 (from 0) is inf'
    """
    with np.errstate(over="ignore"):
        numbers = np.asarray(step).astype("float32")
    wrong = np.isinf(numbers) if kind == SKELETON else ~np.isfinite(numbers)
    if not wrong.any() or np.isnan(numbers).all():
        return None
    place = tuple(int(index) for index in np.argwhere(wrong)[0])
    value = np.asarray(step)[place]
    if kind == SKELETON:
        body, joint, axis = place
        return f"{'xyz'[axis]} of joint {joint} of body {body} (from 0) is {value:g}"
    return f"feature {place[0]} (from 0) is {value:g}"

"""The predicted class: NaN scores have none."""

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.typing import ArrayLike


def most_probable(scores: ArrayLike) -> np.ndarray:
    """Returns the class with the highest score, an integer array of shape `(...)`.

    Args:
        scores: probabilities or logits `(..., classes)`.

    Raises:
        UsageError: if a score is NaN, as no class is the most probable then.

    Example:

    >>> most_probable(np.array([[0.2, 0.8], [0.7, 0.3]])).tolist()
    [1, 0]
    """
    scores = np.asarray(scores)
    if np.isnan(scores).any():
        rows = np.argwhere(np.isnan(scores).any(axis=-1))
        where = f", first in row {', '.join(map(str, rows[0]))} (from 0)" if rows.size else ""
        raise UsageError(
            f"the network's output for a class is NaN{where}, so none is the most probable; look "
            "for extreme values in the input and in the weights"
        )
    return scores.argmax(axis=-1)

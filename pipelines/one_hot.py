"""One-hot labels: a row of zeros with a single one for each example."""

import numpy as np


def classes_of_one_hot(labels: np.ndarray) -> np.ndarray | None:
    """Returns the class of each row, `(examples,)`; None if the labels are not one-hot.

    Args:
        labels: an array. One-hot labels are numbers `(examples, classes)` of at least two classes,
            with a single 1 in a row and 0 elsewhere.

    Example:

    >>> classes_of_one_hot(np.array([[0, 1, 0], [1, 0, 0]]))
    array([1, 0])
    """
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.dtype.kind not in "iufb":
        return None
    is_one = labels == 1
    is_one_hot = (is_one | (labels == 0)).all() and (is_one.sum(axis=1) == 1).all()
    return is_one.argmax(axis=1) if is_one_hot else None


def one_hot_line(place: str, num_classes: int) -> str:
    """Returns the line that says how one-hot labels are taken."""
    return f"{place}: one-hot labels, taken as the classes 0 to {num_classes - 1}"

"""Sparse confusion matrices: their memory grows with the examples, not with the classes."""

from typing import NamedTuple, Self

import numpy as np

from nrnm_keras.typing import ArrayLike


class Confusions(NamedTuple):
    """Counts of pairs of a true and a predicted class; pairs that never occur are left out.

    Attributes:
        true: integers `(pairs,)`, the true classes.
        predicted: integers `(pairs,)`, the predicted classes.
        counts: integers `(pairs,)`, the numbers of examples.
        examples: integers `(classes,)`, the number of examples of each true class.
    """

    true: np.ndarray
    predicted: np.ndarray
    counts: np.ndarray
    examples: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """The number of correctly predicted examples of each class, `(classes,)`."""
        is_right = self.true == self.predicted
        return self._per_class(self.true[is_right], self.counts[is_right])

    @property
    def wrong(self) -> Self:
        """The pairs of different classes, the most frequent first, as `Confusions`."""
        pairs = np.flatnonzero(self.true != self.predicted)
        pairs = pairs[np.argsort(-self.counts[pairs], kind="stable")]
        return self._replace(
            true=self.true[pairs], predicted=self.predicted[pairs], counts=self.counts[pairs]
        )

    def matrix(self) -> np.ndarray:
        """Returns the confusion matrix `(classes, classes)`; rows are the true classes."""
        matrix = np.zeros((len(self.examples), len(self.examples)), int)
        matrix[self.true, self.predicted] = self.counts
        return matrix

    def _per_class(self, labels, counts):
        return np.bincount(labels, counts, len(self.examples)).astype(int)


def count_confusions(targets: ArrayLike, predicted: ArrayLike, num_classes: int) -> Confusions:
    """Returns the `Confusions` of examples.

    Args:
        targets: integers of any shape, the true classes, from 0.
        predicted: integers of the same shape.
        num_classes: integer.

    Example:

    >>> confusions = count_confusions([0, 0, 1, 1], [0, 1, 1, 1], num_classes=2)
    >>> confusions.matrix().tolist()
    [[1, 1], [0, 2]]
    """
    targets, predicted = (np.ravel(labels).astype("int64") for labels in (targets, predicted))
    pairs, counts = np.unique(targets * num_classes + predicted, return_counts=True)
    examples = np.bincount(targets, minlength=num_classes)
    return Confusions(pairs // num_classes, pairs % num_classes, counts, examples)


def confusions_of_matrix(matrix: ArrayLike) -> Confusions:
    """Returns the `Confusions` in a confusion matrix `(classes, classes)`."""
    matrix = np.asarray(matrix)
    true, predicted = np.nonzero(matrix)
    return Confusions(true, predicted, matrix[true, predicted], matrix.sum(axis=1))

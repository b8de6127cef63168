"""Precision, recall and F1 of each class, and their macro average."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nrnm_keras.plots.confusions import Confusions


def class_scores(confusions: Confusions, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns the scores of each class that has examples or predictions, by name.

    Args:
        confusions: the `Confusions`.
        names: the classes' names, in the order of the labels.

    Returns:
        Dictionary from a name to `examples` and `predicted`, numbers of examples; `precision`, the
        fraction of the predictions of a class that are right; `recall`, the fraction of its
        examples that are found; and `f1`, their harmonic mean. A fraction of nothing is 0.

    Example:

    >>> from nrnm_keras.plots.confusions import count_confusions
    >>> scores = class_scores(count_confusions([0, 0, 1], [0, 1, 1], 2), ["no", "yes"])
    >>> scores["no"]["precision"], scores["no"]["recall"]
    (1.0, 0.5)
    """
    right, examples = confusions.right, confusions.examples
    predicted = np.bincount(confusions.predicted, confusions.counts, len(names)).astype(int)
    rows = zip(names, right.tolist(), examples.tolist(), predicted.tolist(), strict=True)
    return {
        name: {
            "examples": count,
            "predicted": chosen,
            "precision": hits / chosen if chosen else 0.0,
            "recall": hits / count if count else 0.0,
            "f1": 2 * hits / (count + chosen),
        }
        for name, hits, count, chosen in rows
        if count or chosen
    }


def macro_average(scores: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Returns the means of `precision`, `recall` and `f1` over the classes of `class_scores`."""
    rows = list(scores.values())
    return {
        name: sum(row[name] for row in rows) / len(rows) if rows else 0.0
        for name in ("precision", "recall", "f1")
    }

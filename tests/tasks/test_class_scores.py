"""Scores of classes, against numbers computed by hand."""

import pytest

from nrnm_keras.plots.confusions import count_confusions
from nrnm_keras.tasks.heads.class_scores import class_scores, macro_average

NAMES = ["bad", "fine", "good", "never", "guessed"]
# Confusion matrix: bad 2 1 0, fine 1 1 1, good 0 0 3 and one that is taken for the last class.
TRUE = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
PREDICTED = [0, 0, 1, 0, 1, 2, 2, 2, 2, 4]


def test_by_hand():
    scores = class_scores(count_confusions(TRUE, PREDICTED, 5), NAMES)
    names = ("examples", "predicted", "precision", "recall", "f1")
    rows = {name: tuple(each[key] for key in names) for name, each in scores.items()}
    assert rows == {
        "bad": (3, 3, pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)),
        "fine": (3, 2, 0.5, pytest.approx(1 / 3), pytest.approx(0.4)),
        "good": (4, 4, 0.75, 0.75, 0.75),
        "guessed": (0, 1, 0.0, 0.0, 0.0),
    }
    assert macro_average(scores) == {
        "precision": pytest.approx((2 / 3 + 0.5 + 0.75) / 4),
        "recall": pytest.approx((2 / 3 + 1 / 3 + 0.75) / 4),
        "f1": pytest.approx((2 / 3 + 0.4 + 0.75) / 4),
    }


def test_of_no_examples():
    assert class_scores(count_confusions([], [], 2), ["a", "b"]) == {}
    assert macro_average({}) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}

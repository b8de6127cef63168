import io

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.outputs.classes import Classes
from nrnm_keras.models.decision import most_probable
from nrnm_keras.predict.results import FORMATS
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.tagging import Tagging
from nrnm_keras.train.evaluation import Evaluation

NAN = float("nan")


def test_the_class_of_the_highest_score():
    assert most_probable([0.1, 0.7, 0.2]) == 1
    np.testing.assert_array_equal(most_probable([[[1, -np.inf], [0, 3]]]), [[0, 1]])


@pytest.mark.parametrize("scores", [[NAN, 1.0], [1.0, NAN], [NAN, NAN]])
def test_no_number_is_no_decision(scores):
    with pytest.raises(UsageError, match="output for a class is NaN"):
        most_probable(scores)
    with pytest.raises(UsageError, match=r"first in row 1, 0 \(from 0\)"):
        most_probable([[[0.0, 1.0]], [scores]])


@pytest.mark.parametrize("form", FORMATS)
def test_results_have_no_label_without_numbers(form):
    file = io.StringIO()
    results = FORMATS[form](file, Classes(["a", "b"]))
    header = file.getvalue()
    with pytest.raises(UsageError, match="output for a class is NaN"):
        results.write(None, np.array([NAN, NAN]))
    assert file.getvalue() == header


@pytest.mark.parametrize("kind", [Classification, Tagging])
def test_reports_have_no_accuracy_without_numbers(kind):
    task = object.__new__(kind)
    task.class_names = ["a", "b"]
    targets, outputs = np.array([0, 1]), np.array([[1.0, 0.0], [NAN, NAN]])
    if kind is Tagging:
        targets, outputs = targets[None], outputs[None]
    with pytest.raises(UsageError, match="output for a class is NaN"):
        task.analyze(Evaluation("test", targets, outputs, {}))

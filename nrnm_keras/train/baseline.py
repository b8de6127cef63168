"""A simple baseline beside a trained network: what the network should be better than."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nrnm_keras.config import ComparisonConfig, TrainConfig
from nrnm_keras.tasks.heads.classification import Classification


class Baseline(NamedTuple):
    """The result of a simple classifier.

    Attributes:
        name: what it is.
        split: the split that it was tested on.
        accuracy: its accuracy there.
    """

    name: str
    split: str
    accuracy: float


def is_available() -> bool:
    """Whether scikit-learn is installed, which the baselines need."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return False
    return True


def add_baseline(
    report: dict[str, Any], task: Any, config: TrainConfig, folds: Sequence[Any] = ()
) -> None:
    """Adds the `baseline` to a report, if the options want one and scikit-learn is installed.

    Args:
        report: dictionary, the report of a run.
        task: the `OpenTask`.
        config: the `TrainConfig`.
        folds: the open tasks of a cross-validation.
    """
    if isinstance(config.task, ComparisonConfig) and config.task.baseline and is_available():
        report["baseline"] = fit_baseline(task, folds)._asdict()


def fit_baseline(task: Classification, folds: Sequence[Classification] = ()) -> Baseline:
    """Fits the simple classifier of a task's kind of data, and tests it.

    It is tested on the test split, after learning from all other examples. Without a test split, it
    is tested on the validation split, or on those of the folds.

    Args:
        task: the `Classification`.
        folds: the open tasks of a cross-validation.
    """
    sizes = task.records.sizes
    if "test" in sizes:
        learned = [split for split in ("train", "validation") if split in sizes]
        results = [_fit_and_test(task, learned, "test")]
    else:
        results = [_fit_and_test(each, ["train"], "validation") for each in folds or [task]]
    is_right = np.concatenate(results)
    split = "test" if "test" in sizes else "validation"
    return Baseline(task.baseline_name, split, float(is_right.mean()))


def _fit_and_test(task, learned, tested):
    """Returns whether the prediction for each example is right."""
    parts = [task.baseline_examples(split) for split in learned]
    inputs = [x for part, _ in parts for x in part]
    labels = np.concatenate([labels for _, labels in parts])
    model: Any = task.baseline()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge to the last digit
        model.fit(inputs, labels)
    inputs, labels = task.baseline_examples(tested)
    return model.predict(inputs) == labels

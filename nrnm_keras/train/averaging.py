"""The average of a trained network and a linear classifier."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from nrnm_keras.models.end_to_end import OtherClassifier
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.train.evaluation import Evaluation, evaluate, evaluation_of, join_evaluations

# Weights of the network to choose from. With few examples, the choice would be chance.
_WEIGHTS = np.linspace(0, 1, 11)
_USUAL_WEIGHT, _FEWEST_EXAMPLES = 0.3, 50


class Averaging(NamedTuple):
    """What a network is averaged with, and what that gives.

    Attributes:
        other: the `OtherClassifier`.
        inverse_penalty: that of the linear classifier.
        evaluations: `Evaluation`s of the validation examples by the names `"average"`,
            `"network"` and `"linear"`.
    """

    other: OtherClassifier
    inverse_penalty: float
    evaluations: dict[str, Evaluation]

    def evaluate(
        self, task: Classification, of_network: Evaluation, batch_size: int
    ) -> dict[str, Evaluation]:
        """Returns `evaluations` for the split of an `Evaluation` of the network."""
        if of_network.split == "validation":
            return self.evaluations
        return evaluate_average(task, of_network, self.other, batch_size)

    def facts(self) -> dict[str, Any]:
        """Returns what the report says of it."""
        return {
            "network_weight": self.other.network_weight,
            "inverse_penalty": self.inverse_penalty,
            "validation": metrics_of(self.evaluations),
        }


def evaluate_average(
    task: Classification, of_network: Evaluation, other: OtherClassifier, batch_size: int
) -> dict[str, Evaluation]:
    """Returns the `Evaluation`s of a network's average with another classifier, and of its parts.

    Args:
        task: the `Classification`.
        of_network: the network's `Evaluation`.
        other: the `OtherClassifier`.
        batch_size: positive integer.
    """
    of_linear = evaluate(other.scores, task, of_network.split, batch_size)
    return _of_all(task, of_network, of_linear, other.network_weight)


def average_with_linear(
    task: Classification,
    validated: Sequence[tuple[Classification, Evaluation]],
    batch_size: int,
) -> Averaging:
    """Fits a linear classifier, and the weight with which a network is averaged with it.

    The penalty of the classifier and the weight have the lowest losses on the validation examples,
    of which neither the networks nor the linear classifiers there have learned. The classifier is
    then fitted to all examples.

    Args:
        task: the `Classification`.
        validated: pairs of an open task with a validation split and the `Evaluation` there of the
            network that was trained on its training split; several for a cross-validation.
        batch_size: positive integer.
    """
    of_network = join_evaluations(task, [evaluation for _, evaluation in validated])
    linear = _evaluate_linear(task, [part for part, _ in validated], batch_size)
    chosen = min(linear, key=lambda inverse_penalty: linear[inverse_penalty].metrics["loss"])
    of_linear = linear[chosen]
    weight = _best_weight(of_network.targets, *map(_log_softmax, (of_network, of_linear)))
    evaluations = _of_all(task, of_network, of_linear, weight)
    splits = [split for split in ("train", "validation") if split in task.records.sizes]
    fitted = task.fit_linear(splits, [chosen])[chosen]
    return Averaging(OtherClassifier(fitted, weight), chosen, evaluations)


def _evaluate_linear(task, parts, batch_size):
    """Returns the `Evaluation` of the linear classifiers by their penalty.

    Those of each part learn from the other examples.
    """
    fitted = [part.fit_linear(["train"], task.inverse_penalties) for part in parts]
    return {
        inverse_penalty: join_evaluations(
            task,
            [
                evaluate(of_part[inverse_penalty], part, "validation", batch_size)
                for of_part, part in zip(fitted, parts, strict=True)
            ],
        )
        for inverse_penalty in task.inverse_penalties
    }


def metrics_of(evaluations: dict[str, Evaluation]) -> dict[str, dict]:
    """Returns the metrics of each `Evaluation`."""
    return {name: each.metrics for name, each in evaluations.items()}


def _of_all(task, of_network, of_linear, weight):
    """Returns the `Evaluation`s of the average and of its parts."""
    average = weight * _log_softmax(of_network) + (1 - weight) * _log_softmax(of_linear)
    return {
        "average": evaluation_of(of_network.split, task, of_network.targets, average),
        "network": of_network,
        "linear": of_linear,
    }


def _log_softmax(evaluation):
    return keras.ops.convert_to_numpy(keras.ops.log_softmax(evaluation.outputs))


def _best_weight(targets, of_network, of_linear):
    if len(targets) < _FEWEST_EXAMPLES:
        return _USUAL_WEIGHT
    rows = np.arange(len(targets))

    def loss(weight):
        average = weight * of_network + (1 - weight) * of_linear
        return np.mean(np.log(np.exp(average).sum(-1)) - average[rows, targets])

    return round(float(min(_WEIGHTS, key=loss)), 1)

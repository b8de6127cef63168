"""Regression of numeric sequences."""

import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nrnm_keras.config import NetworkConfig
from nrnm_keras.tasks.heads.regression import Regression
from nrnm_keras.tasks.heads.sequence_examples import SequenceExamples

_FEWEST_VALIDATION = 20


class RelativeSquaredError(keras.losses.Loss):
    """The mean squared error in units of the variance of the training targets.

    It has the same size whatever the unit of the targets is. The mean of the targets has error 1.

    Args:
        deviation: the standard deviation of the training targets, positive.
    """

    def __init__(self, deviation: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deviation = deviation

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the error of each number."""
        y_true = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred))
        return ops.mean(ops.square((y_pred - y_true) / self.deviation), axis=-1)


class SequenceRegression(SequenceExamples, Regression):
    """A number for each sequence of feature vectors.

    The network's last layer gives the targets their unit: it multiplies by the standard deviation
    of the training targets and adds their mean.

    Args:
        task: a `SequenceRegressionTask`.
        records: folder of the built records, with features `sequence` and `label`, a number.
        max_timesteps: the largest length that is expected. Default: any.
    """

    def __init__(
        self, task: Any, records: str | os.PathLike, max_timesteps: int | None = None
    ) -> None:
        super().__init__(task, records, max_timesteps)
        targets = self._targets("train")
        self._mean = float(targets.mean())
        # Equal targets have a tiny deviation, from rounding.
        self._deviation = float(targets.std()) if np.ptp(targets) else 1.0

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the network from sequences to numbers `(batch, 1)`."""
        return keras.Sequential(
            [
                *self.input_layers(),
                *self.vector_layers(network),
                layers.Dense(1, dtype="float32", name="number"),
                layers.Rescaling(self._deviation, self._mean, dtype="float32", name="unit"),
            ],
            name="network",
        )

    def loss(self) -> keras.losses.Loss:
        """Returns the `RelativeSquaredError`."""
        return RelativeSquaredError(self._deviation)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the mean squared error and the mean absolute error, in the targets' unit."""
        return [*super().metrics(), keras.metrics.MeanAbsoluteError(name="mean_absolute_error")]

    def describe(self) -> dict[str, Any]:
        """Returns mean and standard deviation of the training targets."""
        return {"target": {"mean": self._mean, "deviation": self._deviation}}

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns R², the fraction of the targets' variance that is explained, and correlations."""
        errors = result.targets - result.outputs.reshape(-1).astype("float64")
        variance = np.var(result.targets.astype("float64"))
        r2 = 1 - float(np.mean(np.square(errors)) / variance) if np.ptp(result.targets) else None
        return {"r2": r2, **super().analyze(result)}

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns R² and the correlations, as far as they are defined."""
        if analysis["r2"] is None:
            return [f"All targets are equal ({analysis['split']}): R² is not defined."]
        explained = (
            f"R² ({analysis['split']}): {analysis['r2']:.4f}. It is 1 without errors, and 0 for a "
            "model that always predicts the mean."
        )
        return [explained, *super().report_sections(analysis)]

    def warnings(self) -> Iterator[str]:
        """Yields warnings about the sizes of the splits and the targets."""
        count = self.records.sizes["validation"]
        if count < _FEWEST_VALIDATION:
            yield (
                f"only {count} validation examples: the choice of the best epoch is mostly chance"
            )
        targets = self._targets("train")
        if not np.ptp(targets):
            yield f"every training target is {targets[0]:g}: there is nothing to learn"
        elif len(np.unique(targets)) == 2:
            yield "the training targets are two numbers only: --task=sequence learns classes"

    def baseline_examples(self, split: str, raw: bool = True) -> tuple[list, np.ndarray]:
        """Returns the sequences of a split and their targets."""
        examples = list(self.examples(split).as_numpy_iterator())
        return [sequence for sequence, _ in examples], np.array([y for _, y in examples])

    def _targets(self, split):
        targets = [target for _, target in self.examples(split).as_numpy_iterator()]
        return np.array(targets, "float64")

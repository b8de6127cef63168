"""Regression on whole sequences."""

from typing import Any

import keras
import numpy as np
from keras import layers

from nrnm_keras.config import NetworkConfig
from nrnm_keras.models import SequencePooling
from nrnm_keras.models.building import build_backbone
from nrnm_keras.tasks.heads.open_task import OpenTask


class Regression(OpenTask):
    """A task whose target is a number for each sequence."""

    metric = "mean_squared_error"
    metric_mode = "min"

    def loss(self) -> keras.losses.Loss:
        """Returns the mean squared error."""
        return keras.losses.MeanSquaredError()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the mean squared error, without the penalties that the loss may have."""
        return [keras.metrics.MeanSquaredError(name="mean_squared_error")]

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns the Pearson and Spearman correlations of outputs and targets."""
        outputs = result.outputs.reshape(-1)
        return {
            "pearson": _correlation(result.targets, outputs),
            "spearman": _correlation(_ranks(result.targets), _ranks(outputs)),
        }

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns a sentence with the correlations, if there are any."""
        found = [name for name in ("pearson", "spearman") if analysis[name] is not None]
        if not found:
            return []
        values = ", ".join(f"{name.capitalize()} {analysis[name]:.4f}" for name in found)
        return [f"Correlation of outputs and targets ({analysis['split']}): {values}."]

    def vector_layers(self, network: NetworkConfig) -> list[layers.Layer]:
        """Returns the layers from sequences of vectors to one vector each."""
        return [
            build_backbone(network),
            SequencePooling(network.pooling),
            layers.Dropout(network.head_dropout),
        ]

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from what the network takes to numbers named `value`, `(batch, 1)`."""
        inputs = keras.Input(
            network.input_shape[1:], dtype=network.inputs[0].dtype, name="sequence"
        )
        return keras.Model(inputs, {"value": network(inputs)})


def _correlation(x, y):
    """Returns the Pearson correlation; None if one of the two is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values):
    """Returns the rank of each value; ties get the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]

"""OpenTask: what the training loop needs to know about a data set and its network."""

import copy
import pathlib
from typing import Any

import keras

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.tasks.task import Task


class OpenTask:
    """A task with its records, preprocessing, network, loss and metrics.

    The constructor opens the records and adapts the preprocessing to the training split.

    Args:
        task: the `Task` with the options.

    Attributes:
        task: the same.
        records: its `Records`.
        metric: name of the validation metric that selects the best epoch.
        metric_mode: `"max"` or `"min"`.
        usage: what the report says about using the model, with `{run}` for the run's folder.
        sort_by_length: whether sequences of similar length go into one batch.
        padding: value that pads the shorter sequences of a batch.
        target_padding: value that pads the targets, if they belong to steps.
    """

    task: Any
    records: Records
    metric = "accuracy"
    metric_mode = "max"
    usage = " `python -m nrnm_keras.predict --run={run}` predicts from the command line."
    sort_by_length = True
    padding: float = 0
    target_padding = -1

    def __init__(self, task: Task) -> None:
        self.task = task

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> Any:
        """Returns a `tf.data.Dataset` of known size: (sequence `(timesteps, ...)`, target).

        `part` and `num_parts` are those of `Records.read`.
        """
        raise NotImplementedError

    def fold(self, index: int) -> "OpenTask":
        """Returns the task with one part of a cross-validation as its validation split.

        The preprocessing is the same for all parts: that of all training examples.
        """
        fold = copy.copy(self)
        fold.records = self.records.fold(index)
        return fold

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the model from padded batches of sequences to predictions for the loss.

        Args:
            network: a `NetworkConfig`.

        Raises:
            ValueError: if its values do not fit together.
        """
        raise NotImplementedError

    def build_trained(self, network: keras.Model) -> keras.Model:
        """Returns the model to train, which shares the network's weights. Default: the network."""
        return network

    def encoder_of(self, network: keras.Model) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        """Returns the token embedding and the backbone of a network from `build_network`."""
        raise NotImplementedError

    def loss(self) -> keras.losses.Loss:
        """Returns the loss."""
        raise NotImplementedError

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns a new list of metrics."""
        raise NotImplementedError

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from raw input to named results, sharing the network's weights."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Returns facts about the data for the report, as a dictionary."""
        return {}

    def examples_to_try(self) -> list[tuple[Any, str]]:
        """Returns raw test examples and their classes, for people to try. Default: none."""
        return []

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns the analysis of an `Evaluation` for the report, as a dictionary."""
        return {}

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns the report's paragraphs about an analysis, as a list of Markdown strings."""
        return []

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws plots of an `Evaluation`; returns their titles by file name within the folder."""
        return {}

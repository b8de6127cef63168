"""OpenTask: what the training loop wants to know of a data set and its network."""

import pathlib
from typing import Any

import keras

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.tasks.task import Task


class OpenTask:
    """A task whose records are there, with its preprocessing, network, loss and metrics.

    Making one opens the records and learns what the preprocessing needs from the training split.

    Args:
        task: the `Task`, which has the options.

    Attributes:
        task: the same.
        records: its `Records`.
        metric: name of the metric of the validation split that tells the best epoch.
        metric_mode: `"max"` or `"min"`.
        usage: what the report says about using the model, with `{run}` for the run's folder.
        sort_by_length: whether sequences of similar length go into one batch.
        padding: number that shorter sequences of a batch are padded with.
        target_padding: the same for targets, of tasks with one for each step.
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
        """Returns a `tf.data.Dataset` of (sequence `(timesteps, ...)`, target) of known length.

        `part` and `num_parts` are those of `Records.read`.
        """
        raise NotImplementedError

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the model from padded batches of sequences to what the loss takes.

        Args:
            network: a `NetworkConfig`.

        Raises:
            ValueError: if its values do not go together.
        """
        raise NotImplementedError

    def build_trained(self, network: keras.Model) -> keras.Model:
        """Returns the model that is trained in the network's place and shares its weights."""
        return network

    def encoder_of(self, network: keras.Model) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        """Returns the embedding of tokens and the backbone of a network of the task's."""
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

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns what the report says of an `Evaluation` besides the metrics, as a dictionary."""
        return {}

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns the report's paragraphs on what `analyze` returned, as a list of Markdown."""
        return []

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws plots of an `Evaluation`; returns their titles by file name within the folder."""
        return {}

"""Classification of whole inputs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.analysis.running_prediction import running_prediction
from nrnm_keras.inference.outputs.output import Output, rounded
from nrnm_keras.models import ClassProbabilities, SequenceClassifier
from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.running_prediction import RunningPrediction
from nrnm_keras.typing import Tensor
from pipelines.escaping import cut, for_csv, for_markdown, for_terminal

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_MOST_SHOWN = 10  # classes
_LONGEST_NAME = 60  # characters


class Classes(Output):
    """Probabilities of classes; a row is `(classes,)`.

    Args:
        class_names: list of strings.
    """

    noun = "probabilities"
    heading = "label  probabilities"
    _label = "label"
    _network: type = SequenceClassifier

    def __init__(self, class_names: Iterable[str]) -> None:
        self.class_names = list(class_names)

    @classmethod
    def find(cls, model: keras.Model, network: keras.Sequential | None) -> "Output | None":
        """Returns the output of a model whose last layer names its classes."""
        named = model.layers[-1]
        if not isinstance(named, ClassProbabilities) or network is None:
            return None
        return cls(named.class_names) if isinstance(network.layers[-1], cls._network) else None

    def describe(self) -> str:
        """Returns the classes."""
        return f"the probability of each class: {', '.join(map(for_markdown, self.class_names))}"

    def of_model(self, outputs: dict) -> dict[str, Any]:
        """Returns the probabilities in the order of the classes."""
        return {"probabilities": tf.stack([outputs[name] for name in self.class_names], axis=-1)}

    def of_network(self, scores: Tensor, encoded: Tensor) -> dict[str, Any]:
        """Returns the probabilities of logits."""
        return self.of_step(scores)

    def of_step(self, scores: Tensor) -> dict[str, Any]:
        """Returns the probabilities of logits."""
        return {"probabilities": tf.nn.softmax(scores)}

    def serve(self, outputs: dict) -> dict[str, Any]:
        """Returns `label`, `probabilities` and `classes`.

        `classes` repeats the class names in every row, so that each row of a response can be read
        by itself.
        """
        names, values = tf.constant(self.class_names), super().serve(outputs)
        labels = tf.gather(names, tf.argmax(values["probabilities"], axis=-1))
        rows = tf.shape(labels)[0]
        return {
            self._label: labels,
            **values,
            "classes": tf.repeat(names[tf.newaxis], rows, axis=0),
        }

    def stacked(self, values: dict) -> Any:
        """Returns the probabilities."""
        return values["probabilities"]

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Returns `label`, a list of strings, and `probabilities` `(inputs, classes)`."""
        probabilities = np.reshape(rows, (-1, len(self.class_names))).astype(np.float32)
        labels = [self.class_names[i] for i in most_probable(probabilities)]
        return {"label": labels, "probabilities": probabilities}

    def readable(self, row: np.ndarray) -> str:
        """Returns the class, and the probabilities from high to low."""
        label = most_probable(row)
        order = np.argsort(-row, kind="stable")[:_MOST_SHOWN]
        shown = ", ".join(f"{self._shown(i)} {row[i]:.4f}" for i in order)
        return f"{self._shown(label)}  {shown}"

    def columns(self) -> list[str]:
        """Returns the label and, for each class, `probability_<name>`."""
        return ["label", *(for_csv(f"probability_{name}") for name in self.class_names)]

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns the label and the probabilities."""
        return [for_csv(self.class_names[most_probable(row)]), *(f"{value:.6f}" for value in row)]

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns `label`, and `probabilities`, an object from class to number."""
        return {"label": self.class_names[most_probable(row)], "probabilities": self._named(row)}

    def running_prediction(self, trained: "TrainedModel", raw: Any) -> RunningPrediction | None:
        """Returns the probabilities for prefixes of an input."""
        return running_prediction(trained, raw)

    def summary_of_running(self, probabilities: np.ndarray) -> str:
        """Returns the class and its probability."""
        row = probabilities[-1]
        return f"{self.class_names[most_probable(row)]} ({row.max():.2f})"

    def _named(self, row):
        return dict(zip(self.class_names, map(rounded, row), strict=True))

    def _shown(self, label):
        return cut(for_terminal(self.class_names[label]), _LONGEST_NAME)

"""Output: what differs between models of classes, of tags, of a number, and of likelihoods."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.analysis.running_prediction import RunningPrediction
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class Output:
    """What a model gives for an input, in its forms.

    The model's outputs for a batch are `values`: tensors by name. What it gives for one input is a
    row: an array.

    Attributes:
        noun: what the model gives, in words.
        class_names: list of strings, empty if there are no classes.
        step_is_result: whether what a step gives is for the sequence so far, and not for the step.
        why_not_running: why there is no running prediction to draw, if there is none.
    """

    noun: str
    class_names: list[str] = []
    step_is_result = True
    why_not_running = ""

    @classmethod
    def find(cls, model: keras.Model, network: keras.Sequential | None) -> "Output | None":
        """Returns the output of a model, None if it is of another kind."""
        raise NotImplementedError

    def describe(self) -> str:
        """Returns what the model gives, as the end of a sentence."""
        raise NotImplementedError

    # Tensors.

    def of_model(self, outputs: dict) -> dict[str, Any]:
        """Returns the values of what the model gives for a batch."""
        raise NotImplementedError

    def of_network(self, scores: Tensor, encoded: Tensor) -> dict[str, Any]:
        """Returns the values of what the network gives for a batch of encoded input."""
        raise NotImplementedError

    def of_step(self, scores: Tensor) -> dict[str, Any]:
        """Returns the values of what the network gives after a step."""
        raise NotImplementedError

    def serve(self, outputs: dict) -> dict[str, Any]:
        """Returns the outputs of the signature `serve`."""
        return {name: tf.cast(x, tf.float32) for name, x in self.of_model(outputs).items()}

    def stacked(self, values: dict) -> Any:
        """Returns the rows of a batch as one tensor `(batch, ...)`."""
        raise NotImplementedError

    # Rows.

    def cut(self, row: np.ndarray, length: int) -> np.ndarray:
        """Returns a row of a padded batch, without what is of padding."""
        return row

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Returns what `TrainedModel.predict` returns for rows."""
        raise NotImplementedError

    def readable(self, row: np.ndarray) -> str:
        """Returns a row as text to be read."""
        raise NotImplementedError

    def columns(self) -> list[str]:
        """Returns the names of the columns of CSV."""
        raise NotImplementedError

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns the columns of a row."""
        raise NotImplementedError

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns a row as an object of JSON."""
        raise NotImplementedError

    # Pictures.

    def running_prediction(self, trained: "TrainedModel", raw: Any) -> RunningPrediction | None:
        """Returns the `RunningPrediction` of a batch of one raw input, or None."""
        return None

    def summary_of_running(self, probabilities: np.ndarray) -> str:
        """Returns the prediction at the end of a running one in a few words."""
        raise NotImplementedError


def rounded(value: Any) -> float:
    """Returns a number as files have it."""
    return round(float(value), 6)

"""Output: what depends on a model's kind of output (classes, tags, a number, likelihoods)."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.inference.analysis.running_prediction import RunningPrediction
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class Output:
    """The output of a model, in several forms.

    The outputs for a batch are `values`: tensors by name. The output for one input is a row: an
    array.

    Attributes:
        noun: name of the output in messages.
        heading: what `readable` shows.
        class_names: list of strings, empty if there are no classes.
        step_is_result: whether the output after a step is for the whole sequence so far.
        why_not_running: why there is no running prediction to draw, if there is none.
    """

    noun: str
    heading: str
    class_names: list[str] = []
    step_is_result = True
    why_not_running = ""

    @classmethod
    def find(cls, model: keras.Model, network: keras.Sequential | None) -> "Output | None":
        """Returns the output of a model; None if it is of another kind."""
        raise NotImplementedError

    def describe(self) -> str:
        """Describes the output, as the end of a sentence."""
        raise NotImplementedError

    # Tensors.

    def of_model(self, outputs: dict) -> dict[str, Any]:
        """Returns the values from the model's outputs for a batch."""
        raise NotImplementedError

    def of_network(self, scores: Tensor, encoded: Tensor) -> dict[str, Any]:
        """Returns the values from the network's outputs for a batch of encoded input."""
        raise NotImplementedError

    def of_step(self, scores: Tensor) -> dict[str, Any]:
        """Returns the values from the network's outputs after a step."""
        raise NotImplementedError

    def serve(self, outputs: dict) -> dict[str, Any]:
        """Returns the outputs of the signature `serve`."""
        return {name: tf.cast(x, tf.float32) for name, x in self.of_model(outputs).items()}

    def stacked(self, values: dict) -> Any:
        """Returns the rows of a batch as one tensor `(batch, ...)`."""
        raise NotImplementedError

    # Rows.

    def cut(self, row: np.ndarray, length: int) -> np.ndarray:
        """Returns a row of a padded batch without the padded steps."""
        return row

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Combines rows into the result of `TrainedModel.predict`."""
        raise NotImplementedError

    def readable(self, row: np.ndarray) -> str:
        """Returns a row as text to be read."""
        raise NotImplementedError

    def columns(self) -> list[str]:
        """Returns the names of the columns of CSV."""
        raise NotImplementedError

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns the cells of a row."""
        raise NotImplementedError

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns a row as a JSON object."""
        raise NotImplementedError

    # Pictures.

    def running_prediction(self, trained: "TrainedModel", raw: Any) -> RunningPrediction | None:
        """Returns the `RunningPrediction` of a batch of one raw input, or None."""
        return None

    def summary_of_running(self, probabilities: np.ndarray) -> str:
        """Returns the final prediction in a few words."""
        raise NotImplementedError


def rounded(value: Any) -> float:
    """Returns a number as it is written to files."""
    return round(float(value), 6)

"""A number for each input: the output of regression."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nrnm_keras.inference.outputs.output import Output
from nrnm_keras.typing import Tensor
from pipelines.numbers import shown_number


class Number(Output):
    """A number; a row is an array of shape `()`.

    Args:
        name: name of the model's output.
    """

    why_not_running = "the model predicts a number, not a class"

    def __init__(self, name: str) -> None:
        self.name = name
        self.noun = self.heading = name

    @classmethod
    def find(cls, model: keras.Model, network: keras.Sequential | None) -> "Output | None":
        """Returns the output of a model with a single named number."""
        outputs = None if network is None else model.output
        if not isinstance(outputs, dict) or len(outputs) != 1:
            return None
        ((name, output),) = outputs.items()
        return cls(name) if tuple(output.shape[1:]) == (1,) else None

    def describe(self) -> str:
        """Returns the number's name."""
        return f"a number, `{self.name}`"

    def of_model(self, outputs: dict) -> dict[str, Any]:
        """Returns the number of each input, `(batch,)`."""
        return {self.name: tf.squeeze(outputs[self.name], -1)}

    def of_network(self, scores: Tensor, encoded: Tensor) -> dict[str, Any]:
        """Returns the number of each input, `(batch,)`."""
        return self.of_step(scores)

    def of_step(self, scores: Tensor) -> dict[str, Any]:
        """Returns the number of each input, `(batch,)`."""
        return {self.name: ops.squeeze(scores, -1)}

    def stacked(self, values: dict) -> Any:
        """Returns the numbers."""
        return values[self.name]

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Returns the numbers by their name, `(inputs,)`."""
        return {self.name: np.array(rows, np.float32).reshape(-1)}

    def readable(self, row: np.ndarray) -> str:
        """Returns the number."""
        return f"{self.name} {shown_number(float(row))}"

    def columns(self) -> list[str]:
        """Returns the name."""
        return [self.name]

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns the number with all its digits."""
        return [str(np.float32(row))]

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns the number by its name."""
        return {self.name: float(str(np.float32(row)))}

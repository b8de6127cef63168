"""The likelihood of a text: the output of language models."""

from typing import Any

import keras
import numpy as np
from keras import ops

from nrnm_keras.inference.outputs.output import Output, rounded
from nrnm_keras.models import LanguageModel
from nrnm_keras.models.token_scores import likelihood_of_texts
from nrnm_keras.typing import Tensor

_NAMES = ("log_probability", "perplexity")


class Likelihood(Output):
    """The log-probability and the perplexity of a text; a row is `(2,)`."""

    noun = "log-probabilities"
    heading = "likelihood"
    why_not_running = "the model predicts the likelihood of a text, not a class"

    @classmethod
    def find(cls, model: keras.Model, network: keras.Sequential | None) -> "Output | None":
        """Returns the output of a language model."""
        is_ours = network is not None and isinstance(network.layers[-1], LanguageModel)
        return cls() if is_ours else None

    def describe(self) -> str:
        """Returns the two numbers."""
        return "the natural logarithm of the probability of the text, and its perplexity per token"

    def of_model(self, outputs: dict) -> dict[str, Any]:
        """Returns both numbers of each text, `(batch,)`."""
        return {name: outputs[name] for name in _NAMES}

    def of_network(self, scores: Tensor, encoded: Tensor) -> dict[str, Any]:
        """Returns both numbers of each text, `(batch,)`."""
        return likelihood_of_texts(scores, encoded)

    def of_step(self, scores: Tensor) -> dict[str, Any]:
        """Returns both numbers of each text so far, `(batch,)`."""
        mean, tokens = ops.unstack(scores, num=2, axis=-1)
        return {"log_probability": -mean * tokens, "perplexity": ops.exp(mean)}

    def stacked(self, values: dict) -> Any:
        """Returns both numbers side by side."""
        return ops.stack([values[name] for name in _NAMES], axis=-1)

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Returns `log_probability` and `perplexity`, `(inputs,)`."""
        columns = np.array(rows, np.float32).reshape(-1, len(_NAMES)).T
        return dict(zip(_NAMES, columns, strict=True))

    def readable(self, row: np.ndarray) -> str:
        """Returns both numbers."""
        return f"log-probability {row[0]:.4f}, perplexity {row[1]:.4f}"

    def columns(self) -> list[str]:
        """Returns the names."""
        return list(_NAMES)

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns both numbers."""
        return [f"{value:.6f}" for value in row]

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns both numbers by their names."""
        return dict(zip(_NAMES, map(rounded, row), strict=True))

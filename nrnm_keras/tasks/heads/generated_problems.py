"""Heads of the generated problems: regression, classification or sequence tagging."""

import os
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.models.end_to_end import end_to_end_classifier
from nrnm_keras.models.token_network import token_network
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.tasks.heads.regression import Regression
from nrnm_keras.tasks.heads.tagging import Tagging
from pipelines.listops import expressions
from pipelines.long_memory.problems import PROBLEMS


class _GeneratedProblem(OpenTask):
    """Base class of the problems.

    Args:
        task: a `ProblemTask` or the `ListOpsTask`.
        records: folder of the built records, with features `sequence` and `target`.
    """

    sort_by_length = False  # all have the same length

    def __init__(self, task: Any, records: str | os.PathLike) -> None:
        super().__init__(task)
        self.records = Records(records)
        self.tokens, classes = self.names()
        self.class_names = list(classes)

    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Returns the names of the token ids 1, 2 and so on, and those of the classes."""
        problem = PROBLEMS[self.task.problem]
        return problem.tokens, problem.classes

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the sequences `(timesteps, ...)` of a split with their targets."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["sequence"], self.target(record))).cache()

    def target(self, record: dict[str, Any]) -> Any:
        """Returns the target of a record."""
        return record["target"]


class _OnTokens(_GeneratedProblem):
    """A problem on token ids whose answers are classes."""

    build_classifier: Callable[..., layers.Layer]

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns embedding and classifier: token ids to logits."""
        return token_network(self.task, 1 + len(self.tokens), self.build_classifier(network))

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from token ids `(batch, timesteps)` to probabilities by class."""
        tokens = keras.Input((None,), dtype="int32", name="sequence")
        return end_to_end_classifier(tokens, network, self.class_names)


class _Sum(_GeneratedProblem, Regression):
    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the network from values and markers `(batch, timesteps, 2)` to sums."""
        number = layers.Dense(1, dtype="float32")
        return keras.Sequential(
            [keras.Input((None, 2)), *self.vector_layers(network), number], name="network"
        )


class _Copy(_OnTokens, Tagging):
    def target(self, record: dict[str, Any]) -> Any:
        """Returns the symbols at the steps of the answer, and -1 at the others."""
        return tf.where(record["target"] == 0, -1, record["target"])


class _Class(_OnTokens, Classification):
    pass


class ListOps(_Class):
    """Token ids to the value of the expression, a digit."""

    sort_by_length = True

    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Returns the names of the tokens, and the digits."""
        return expressions.TOKENS, expressions.DIGITS


# The head of each problem.
HEADS = {"adding": _Sum, "copy": _Copy, "associative_recall": _Class, "induction": _Class}

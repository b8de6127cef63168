"""Sequence tagging."""

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nrnm_keras.inference.analysis.running_prediction import RunningPrediction
from nrnm_keras.inference.outputs.classes import Classes
from nrnm_keras.inference.outputs.output import rounded
from nrnm_keras.models import StepClassifier
from nrnm_keras.models.decision import most_probable
from pipelines.escaping import for_csv, for_markdown

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_MOST_RUNS = 30


class Tags(Classes):
    """Probabilities of classes at each step; a row is `(timesteps, classes)`."""

    heading = "labels"
    step_is_result = False
    _label = "labels"
    _network = StepClassifier

    def describe(self) -> str:
        """Returns the classes."""
        names = ", ".join(map(for_markdown, self.class_names))
        return f"the probability of each class at each step: {names}"

    def cut(self, row: np.ndarray, length: int) -> np.ndarray:
        """Returns the steps that are not padding."""
        return row[:length]

    def combine(self, rows: list[np.ndarray]) -> dict[str, Any]:
        """Returns `labels` and `probabilities`, lists with one entry for each input."""
        labels = [[self.class_names[i] for i in most_probable(row)] for row in rows]
        return {"labels": labels, "probabilities": list(rows)}

    def readable(self, row: np.ndarray) -> str:
        """Returns the classes in the order of the steps, with the length of each run.

        For a single step, returns the probabilities.
        """
        if len(row) == 1:
            return super().readable(row[0])
        runs = [(label, len(list(run))) for label, run in itertools.groupby(most_probable(row))]
        shown = [f"{self._shown(label)} x{count}" for label, count in runs[:_MOST_RUNS]]
        return " ".join([*shown, "..."] if len(runs) > _MOST_RUNS else shown)

    def columns(self) -> list[str]:
        """Returns the label and its probability at each step."""
        return ["labels", "probabilities"]

    def as_csv(self, row: np.ndarray) -> list[str]:
        """Returns two lists in JSON."""
        labels = [self.class_names[i] for i in most_probable(row)]
        highest = [rounded(value) for value in row.max(axis=-1)] if len(row) else []
        return [for_csv(json.dumps(labels, ensure_ascii=False)), json.dumps(highest)]

    def as_json(self, row: np.ndarray) -> dict[str, Any]:
        """Returns `labels`, and `probabilities`, a list of objects from class to number."""
        labels = [self.class_names[i] for i in most_probable(row)]
        return {"labels": labels, "probabilities": [self._named(step) for step in row]}

    def running_prediction(self, trained: "TrainedModel", raw: Any) -> RunningPrediction | None:
        """Returns the probabilities at each step of an input."""
        (rows,) = np.array(self.stacked(self.of_model(trained.model(raw))))
        return RunningPrediction(np.arange(1, len(rows) + 1), rows)

    def summary_of_running(self, probabilities: np.ndarray) -> str:
        """Returns the most frequent class."""
        labels, counts = np.unique(most_probable(probabilities), return_counts=True)
        most = int(counts.argmax())
        return f"{self.class_names[labels[most]]} at {counts[most]} of {len(probabilities)} steps"

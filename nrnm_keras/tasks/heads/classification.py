"""Classification of whole sequences."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from nrnm_keras.config import NetworkConfig
from nrnm_keras.models import SequenceClassifier
from nrnm_keras.models.building import build_backbone
from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.confused_pairs import draw_confused_pairs
from nrnm_keras.plots.confusion_matrix import MOST_CLASSES, draw_confusion_matrix
from nrnm_keras.plots.confusions import count_confusions
from nrnm_keras.tasks.heads.class_scores import class_scores, macro_average
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.typing import Tensor
from pipelines.escaping import for_markdown

_SCORES = ("precision", "recall", "F1")
_MOST_PAIRS = 100
_MOST_ROWS = 60  # of a table in the report


class Classification(OpenTask):
    """A task whose target is the class of a whole sequence.

    Attributes:
        class_names: list of strings, in the order of the labels.
    """

    class_names: list[str]

    def loss(self) -> keras.losses.Loss:
        """Returns the cross entropy."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the accuracy."""
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    # Those of the linear classifier to choose from.
    inverse_penalties: Sequence[float] = ()

    def fit_linear(
        self, splits: Sequence[str], inverse_penalties: Sequence[float]
    ) -> dict[float, Callable[[Tensor], Tensor]]:
        """Fits a linear classifier with each penalty; returns functions of the network's input.

        Args:
            splits: names of the splits that it learns from.
            inverse_penalties: how closely it fits them.
        """
        raise NotImplementedError

    # The simple classifier of the task's kind of data, in words.
    baseline_name = ""

    def baseline(self) -> Any:
        """Returns the simple classifier, a scikit-learn estimator."""
        raise NotImplementedError

    def baseline_examples(self, split: str, raw: bool = False) -> tuple[list, np.ndarray]:
        """Returns the examples of a split as the baseline takes them, and their labels.

        Args:
            split: name of the split.
            raw: whether to return the raw examples instead, texts or arrays.
        """
        raise NotImplementedError

    def warnings(self) -> list[str]:
        """Returns warnings about the task's kind of examples, one line each. Default: none."""
        return []

    def describe(self) -> dict[str, Any]:
        """Returns the class names."""
        return {"classes": self.class_names}

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns the scores of the classes by name: see `class_scores`.

        If there are too many classes for a confusion matrix, also the most frequent confusions.
        """
        confusions = self._confusions(result)
        numbers = zip(self.class_names, confusions.right, confusions.examples, strict=True)
        scores = class_scores(confusions, self.class_names)
        analysis: dict[str, Any] = {
            "class_accuracy": {
                name: float(right / examples) for name, right, examples in numbers if examples
            },
            "class_scores": scores,
            "macro_average": macro_average(scores),
        }
        if len(self.class_names) > MOST_CLASSES:
            analysis["most_confused"] = self._most_confused(confusions)
        return analysis

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns tables of the classes, lowest F1 first, and of the confused pairs."""
        sections = []
        if rows := sorted(analysis["class_scores"].items(), key=lambda row: row[1]["f1"]):
            head = [f"class ({analysis['split']})", "examples", "predicted", *_SCORES]
            average = ["*macro average*", "", "", *_scores(analysis["macro_average"])]
            cells = [
                [for_markdown(name), f"{each['examples']:,}", f"{each['predicted']:,}"]
                + _scores(each)
                for name, each in rows
            ]
            cells.insert(min(len(cells), _MOST_ROWS - 1), average)
            sections += _table(head, cells, "classes")
        if confused := analysis.get("most_confused"):
            head = ["true class", "predicted class", "examples", "of"]
            names = [
                [for_markdown(row["true"]), for_markdown(row["predicted"])] for row in confused
            ]
            counts = [[f"{row['count']:,}", f"{row['examples']:,}"] for row in confused]
            cells = [[*name, *count] for name, count in zip(names, counts, strict=True)]
            sections += _table(head, cells, "pairs")
        return sections

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws the confusion matrix, or the most confused pairs if there are many classes."""
        title = f"Predictions on the {result.split} split"
        file = "confusion_matrix.png"
        confusions = self._confusions(result)
        if len(self.class_names) > MOST_CLASSES:
            draw_confused_pairs(confusions, self.class_names, folder / file, title)
        else:
            draw_confusion_matrix(confusions.matrix(), self.class_names, folder / file, title)
        return {file: title}

    def build_classifier(self, network: NetworkConfig) -> keras.layers.Layer:
        """Returns the `SequenceClassifier` of a `NetworkConfig`, from vectors to logits."""
        return SequenceClassifier(
            build_backbone(network),
            len(self.class_names),
            pooling=network.pooling,
            dropout=network.head_dropout,
        )

    def _confusions(self, result):
        """Returns the `Confusions` of the examples."""
        predicted = most_probable(result.outputs)
        return count_confusions(result.targets, predicted, len(self.class_names))

    def _most_confused(self, confusions):
        """Returns the most frequent pairs of a true class and a wrong prediction."""
        wrong = confusions.wrong
        pairs = zip(*(part[:_MOST_PAIRS] for part in wrong[:3]), strict=True)
        return [
            {
                "true": self.class_names[true],
                "predicted": self.class_names[predicted],
                "count": int(count),
                "examples": int(wrong.examples[true]),
            }
            for true, predicted, count in pairs
        ]


def _scores(values):
    return [f"{values[name.lower()]:.4f}" for name in _SCORES]


def _table(head, rows, what):
    """Returns a Markdown table of the first rows, and a note if there are more."""
    lines = [head, ["---"] * len(head), *rows[:_MOST_ROWS]]
    sections = ["\n".join(f"| {' | '.join(cells)} |" for cells in lines)]
    if len(rows) > _MOST_ROWS:
        more = f"The first {_MOST_ROWS} of {len(rows):,} {what}; `report.json` has more."
        sections.append(more)
    return sections

"""Sequence tagging: a class for each step of a sequence."""

import pathlib
from typing import Any

import keras

from nrnm_keras.config import NetworkConfig
from nrnm_keras.models import StepClassifier
from nrnm_keras.models.building import build_backbone
from nrnm_keras.models.decision import most_probable
from nrnm_keras.models.step_scores import StepAccuracy, StepCrossentropy
from nrnm_keras.plots.confusions import count_confusions
from nrnm_keras.plots.step_classes import draw_step_classes
from nrnm_keras.tasks.heads.classification import Classification

_DRAWN = 4


class Tagging(Classification):
    """A task whose targets are the classes of the steps; steps of label -1 do not count."""

    def loss(self) -> keras.losses.Loss:
        """Returns the cross entropy of the labeled steps."""
        return StepCrossentropy()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the accuracy over all labeled steps."""
        return [StepAccuracy(name="accuracy")]

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws the confusion matrix, and the classes of the steps of the first sequences."""
        pictures = super().draw(result, folder)
        title = f"True and predicted classes, {result.split} split"
        file = "steps.png"
        pairs = zip(result.targets[:_DRAWN], result.outputs[:_DRAWN], strict=True)
        rows = [(targets, most_probable(outputs)) for targets, outputs in pairs]
        draw_step_classes(rows, self.class_names, folder / file, title)
        return {**pictures, file: title}

    def build_classifier(self, network: NetworkConfig) -> keras.layers.Layer:
        """Returns the `StepClassifier` of a `NetworkConfig`, from vectors to logits."""
        return StepClassifier(
            build_backbone(network), len(self.class_names), dropout=network.head_dropout
        )

    def _confusions(self, result):
        """Returns the `Confusions` of the labeled steps."""
        is_labeled = result.targets >= 0
        predicted = most_probable(result.outputs[is_labeled])
        return count_confusions(result.targets[is_labeled], predicted, len(self.class_names))

"""Step-wise classification: a class for each step of a sequence."""

from nrnm_keras.models import StepClassifier
from nrnm_keras.models.decision import most_probable
from nrnm_keras.models.step_scores import StepAccuracy, StepCrossentropy
from nrnm_keras.plots.confusions import count_confusions
from nrnm_keras.plots.step_classes import draw_step_classes
from nrnm_keras.tasks.backbone_flags import build_backbone
from nrnm_keras.tasks.classification import Classification

_DRAWN = 4


class StepClassification(Classification):
    """A task whose targets are the classes of the steps; steps of label -1 do not count."""

    usage = ""

    def loss(self):
        """Returns the cross entropy of the labelled steps."""
        return StepCrossentropy()

    def metrics(self):
        """Returns the accuracy over all labelled steps."""
        return [StepAccuracy(name="accuracy")]

    def draw(self, outcome, folder):
        """Draws the confusion matrix, and the classes of the steps of the first sequences."""
        pictures = super().draw(outcome, folder)
        title = f"True and predicted classes, {outcome.split} split"
        file = "steps.png"
        pairs = zip(outcome.targets[:_DRAWN], outcome.outputs[:_DRAWN], strict=True)
        rows = [(targets, most_probable(outputs)) for targets, outputs in pairs]
        draw_step_classes(rows, self.class_names, folder / file, title)
        return {**pictures, file: title}

    def build_classifier(self, flags):
        """Returns the `StepClassifier` of the flags, from sequences of vectors to logits."""
        return StepClassifier(
            build_backbone(flags), len(self.class_names), dropout=flags.head_dropout
        )

    def _confusions(self, outcome):
        """Returns the `Confusions` of the labelled steps."""
        is_labelled = outcome.targets >= 0
        predicted = most_probable(outcome.outputs[is_labelled])
        return count_confusions(outcome.targets[is_labelled], predicted, len(self.class_names))

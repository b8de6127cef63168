"""Classification: one class for each sequence."""

import keras
import tensorflow as tf

from nrnm_keras.models import ClassProbabilities, SequenceClassifier
from nrnm_keras.pictures.confusion_matrix import draw_confusion_matrix
from nrnm_keras.tasks.backbone_flags import build_backbone
from nrnm_keras.tasks.task import Task


class Classification(Task):
    """A task whose target is the class of a whole sequence.

    Attributes:
        class_names: list of strings, in the order of the labels.
    """

    class_names: list[str]
    usage = " `python -m nrnm_keras.predict --model={run}` classifies from the command line."

    def loss(self):
        """Returns the cross entropy."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        """Returns the accuracy."""
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def describe(self):
        """Returns the class names."""
        return {"classes": self.class_names}

    def analyse(self, outcome):
        """Returns the accuracy of each class that has examples, by its name."""
        matrix = self._confusion_matrix(outcome)
        return {
            "class_accuracy": {
                name: float(row[label] / row.sum())
                for label, (name, row) in enumerate(zip(self.class_names, matrix, strict=True))
                if row.sum()
            }
        }

    def draw(self, outcome, folder):
        """Draws the confusion matrix."""
        title = f"Predictions on the {outcome.split} split"
        file = "confusion_matrix.png"
        matrix = self._confusion_matrix(outcome)
        draw_confusion_matrix(matrix, self.class_names, folder / file, title)
        return {file: title}

    def build_classifier(self, flags):
        """Returns the `SequenceClassifier` of the flags, from sequences of vectors to logits."""
        return SequenceClassifier(
            build_backbone(flags),
            len(self.class_names),
            pooling=flags.pooling,
            dropout=flags.head_dropout,
        )

    def build_probabilities(self, inputs, logits):
        """Returns the model from inputs to probabilities by class name."""
        return keras.Model(inputs, ClassProbabilities(self.class_names)(logits))

    def _confusion_matrix(self, outcome):
        """Returns the number of examples by true and predicted label."""
        predicted = outcome.outputs.argmax(axis=-1)
        return tf.math.confusion_matrix(outcome.targets, predicted, len(self.class_names)).numpy()

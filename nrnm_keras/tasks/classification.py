"""Classification: one class for each sequence."""

import keras

from nrnm_keras.models import ClassProbabilities, SequenceClassifier
from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.confused_pairs import draw_confused_pairs
from nrnm_keras.plots.confusion_matrix import MOST_CLASSES, draw_confusion_matrix
from nrnm_keras.plots.confusions import count_confusions
from nrnm_keras.tasks.backbone_flags import build_backbone
from nrnm_keras.tasks.task import Task

_MOST_PAIRS = 100


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
        """Returns the accuracy of each class that has examples, by its name.

        Of more classes than a confusion matrix is drawn of, also the pairs most often confused.
        """
        confusions = self._confusions(outcome)
        numbers = zip(self.class_names, confusions.right, confusions.examples, strict=True)
        analysis = {
            "class_accuracy": {
                name: float(right / examples) for name, right, examples in numbers if examples
            }
        }
        if len(self.class_names) > MOST_CLASSES:
            analysis["most_confused"] = self._most_confused(confusions)
        return analysis

    def draw(self, outcome, folder):
        """Draws the confusion matrix, or of many classes those that are most often confused."""
        title = f"Predictions on the {outcome.split} split"
        file = "confusion_matrix.png"
        confusions = self._confusions(outcome)
        if len(self.class_names) > MOST_CLASSES:
            draw_confused_pairs(confusions, self.class_names, folder / file, title)
        else:
            draw_confusion_matrix(confusions.matrix(), self.class_names, folder / file, title)
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

    def _confusions(self, outcome):
        """Returns the `Confusions` of the examples."""
        predicted = most_probable(outcome.outputs)
        return count_confusions(outcome.targets, predicted, len(self.class_names))

    def _most_confused(self, confusions):
        """Returns the most frequent pairs of a true and another predicted class."""
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

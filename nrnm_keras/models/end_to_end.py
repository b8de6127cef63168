"""Models from raw input to probabilities."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from nrnm_keras.models.average_log_probabilities import AverageLogProbabilities
from nrnm_keras.models.class_probabilities import ClassProbabilities
from nrnm_keras.typing import Tensor


class OtherClassifier(NamedTuple):
    """A classifier that a network is averaged with.

    Attributes:
        scores: layer or function from the network's input to logits or log-probabilities.
        network_weight: weight of the network's log-probabilities, in [0, 1].
    """

    scores: Callable[[Tensor], Tensor]
    network_weight: float

    def average_scores(self, scores: Tensor, inputs: Tensor) -> Tensor:
        """Returns the average of the network's scores and those for its inputs."""
        return AverageLogProbabilities(self.network_weight)([scores, self.scores(inputs)])


def end_to_end_classifier(
    raw: keras.KerasTensor,
    network: keras.Model,
    class_names: Sequence[str],
    preprocessor: keras.layers.Layer | None = None,
    other: OtherClassifier | None = None,
) -> keras.Model:
    """Puts a preprocessor, a network and class names together into one model.

    This is the form in which trainings save their classifiers, and which `TrainedModel` takes.

    Args:
        raw: `keras.Input` of raw input, such as strings, joints or features.
        network: Keras model from preprocessed input to logits, `(batch, num_classes)`, or
            `(batch, timesteps, num_classes)` for sequence tagging.
        class_names: List of strings, in the order of the logits.
        preprocessor: Layer from raw input to what the network takes. Default: the network takes
            raw input.
        other: `OtherClassifier` that the network is averaged with. Default: none.

    Returns:
        A `keras.Model` from raw input to a dictionary of probabilities by class name.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone, SequenceClassifier
    >>> from nrnm_keras.preprocessing import TextPreprocessor
    >>> preprocessor = TextPreprocessor(vocabulary_size=100, max_length=50)
    >>> preprocessor.adapt(["a fine film", "a dull film"])
    >>> network = keras.Sequential([
    ...     keras.Input((None,), dtype="int32"),
    ...     keras.layers.Embedding(100, 8, mask_zero=True),
    ...     SequenceClassifier(RecurrentBackbone(16), num_classes=2),
    ... ])
    >>> text = keras.Input((), dtype="string", name="text")
    >>> model = end_to_end_classifier(text, network, ["dull", "fine"], preprocessor)
    >>> sorted(model(keras.ops.convert_to_tensor(["a fine film"])))
    ['dull', 'fine']
    """
    encoded = raw if preprocessor is None else preprocessor(raw)
    scores = network(encoded)
    if other is not None:
        scores = other.average_scores(scores, encoded)
    return keras.Model(raw, ClassProbabilities(class_names)(scores))

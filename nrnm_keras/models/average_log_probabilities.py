"""AverageLogProbabilities: two classifiers as one."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class AverageLogProbabilities(layers.Layer):
    """Averages the log-probabilities of two classifiers, and normalizes them.

    Example:

    >>> y = AverageLogProbabilities(0.5)([np.log([[0.9, 0.1]]), np.log([[0.1, 0.9]])])
    >>> np.round(np.exp(y), 2)
    array([[0.5, 0.5]], dtype=float32)

    Args:
        weight: Float in [0, 1], weight of the first classifier. That of the second is
            `1 - weight`.

    Call arguments:
        inputs: List of two tensors `(batch, num_classes)`, log-probabilities or logits.

    Returns:
        Log-probabilities, float32 `(batch, num_classes)`.
    """

    def __init__(self, weight: float = 0.4, **kwargs: Any) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"Argument `weight` must be in [0, 1]. Received: weight={weight}")
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Returns the average."""
        first, second = (ops.log_softmax(x, axis=-1) for x in inputs)
        return ops.log_softmax(self.weight * first + (1 - self.weight) * second, axis=-1)

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """Returns the shape of one input."""
        return input_shape[0]

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "weight": self.weight}

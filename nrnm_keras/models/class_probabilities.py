"""ClassProbabilities: the named outputs of a classifier."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class ClassProbabilities(layers.Layer):
    """Turns logits into a dictionary of class probabilities by class name.

    As the last layer of a model, it makes the class names part of the model.

    Args:
        class_names: Unique strings, one for each class, in the order of the logits.

    Call arguments:
        logits: `(batch, classes)`, or `(batch, timesteps, classes)`.

    Returns:
        Dictionary from class name to probabilities `(batch,)`, or `(batch, timesteps)`.

    Raises:
        ValueError: if a name occurs twice, or the numbers of names and logits differ.

    Example:

    >>> probabilities = ClassProbabilities(["neg", "pos"])(np.zeros((3, 2)))
    >>> probabilities["pos"].shape
    TensorShape([3])
    """

    def __init__(self, class_names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if len(set(class_names)) != len(class_names):
            raise ValueError(
                "Argument `class_names` must have unique names. "
                f"Received: class_names={list(class_names)}"
            )
        self.class_names = list(class_names)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Checks that every logit has a name."""
        if input_shape[-1] != len(self.class_names):
            raise ValueError(
                f"The number of logits must be that of the {len(self.class_names)} class names. "
                f"Received: input_shape={input_shape}"
            )

    def call(self, logits: Tensor) -> dict[str, Tensor]:
        """Returns the probabilities by class name."""
        columns = ops.unstack(ops.softmax(logits), num=len(self.class_names), axis=-1)
        return dict(zip(self.class_names, columns, strict=True))

    def compute_output_shape(self, input_shape: Shape) -> dict[str, Shape]:
        """Returns a shape for each class name."""
        return dict.fromkeys(self.class_names, tuple(input_shape[:-1]))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: masked steps have probabilities too, which mean nothing."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "class_names": self.class_names}

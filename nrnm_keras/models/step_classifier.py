"""StepClassifier: sequence tagging."""

import keras
from keras import ops

from nrnm_keras.models.classifier import Classifier
from nrnm_keras.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class StepClassifier(Classifier):
    """Sequence tagging: a backbone and one linear layer classify every step of a sequence.

    Args:
        backbone: Layer from `(batch, timesteps, features)` to hidden states
            `(batch, timesteps, units)`, such as a `RecurrentBackbone`.
        num_classes: Integer of at least 2.
        dropout: Float in [0, 1), dropout on the hidden states.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip. Default: the mask of the
            previous layer, such as `Embedding(mask_zero=True)` or `Masking`, if there is one.

    Returns:
        Logits `(batch, timesteps, num_classes)`, in float32 under mixed precision too.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone
    >>> model = StepClassifier(RecurrentBackbone(32, bidirectional=True), num_classes=3)
    >>> model(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 3])
    """

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for sequences of shape `(batch, timesteps, features)`."""
        if not self.backbone.built:  # loading builds it first
            self.backbone.build(input_shape)
        self.logits_layer.build(self.backbone.compute_output_shape(input_shape))
        self.built = True

    def call(self, sequences: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Returns the logits."""
        hidden = self.backbone(sequences, mask=mask, training=training)
        return self.logits_layer(self.dropout_layer(hidden, training=training))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the logits."""
        return (*input_shape[:-1], self.num_classes)

    def initial_step_state(self, batch_size: int | Tensor) -> dict:
        """Returns the state before the first step, by name.

        Raises:
            ValueError: if the backbone needs whole sequences.
        """
        return self.backbone.initial_step_state(batch_size)

    def step(self, sequences: Tensor, mask: Tensor | None, state: dict) -> tuple:
        """Classifies one more step.

        Args:
            sequences: `(batch, 1, features)`.
            mask: Booleans `(batch, 1)`, False for rows to leave as they were; or None.
            state: dictionary with what `initial_step_state` or the step before returned.

        Returns:
            The logits of the step `(batch, num_classes)`, the mask, and the new state.
        """
        inputs = sequences[:, 0]
        if mask is None:
            mask = ops.ones_like(inputs[:, :1], "bool")
        hidden, new = self.backbone.step(inputs, mask, state)
        return self.logits_layer(hidden), mask, new

"""SequenceClassifier: sequence classification."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.models.classifier import Classifier
from nrnm_keras.models.pooling import SequencePooling
from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SequenceClassifier(Classifier):
    """Classifies sequences of features: backbone, pooling, one linear layer (Eqs. 9, 10).

    Args:
        backbone: Layer from `(batch, timesteps, features)` to hidden states
            `(batch, timesteps, units)`, such as a `RecurrentBackbone`.
        num_classes: Integer of at least 2.
        pooling: Mode of `SequencePooling`. Default: `"last"`, the paper's.
        dropout: Float in [0, 1), dropout on the pooled hidden states.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip. Default: the mask of the
            previous layer, such as `Embedding(mask_zero=True)` or `Masking`, if there is one.

    Returns:
        Logits `(batch, num_classes)`, in float32 under mixed precision too.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone
    >>> model = SequenceClassifier(RecurrentBackbone(32), num_classes=10)
    >>> model(np.zeros((2, 20, 5))).shape
    TensorShape([2, 10])
    """

    def __init__(
        self,
        backbone: keras.Layer,
        num_classes: int,
        pooling: str = "last",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, num_classes, dropout, **kwargs)
        self.pooling = pooling
        self.pooling_layer = SequencePooling(pooling, dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for sequences of shape `(batch, timesteps, features)`."""
        if not self.backbone.built:  # loading builds it first
            self.backbone.build(input_shape)
        hidden_shape = self.backbone.compute_output_shape(input_shape)
        self.logits_layer.build(self.pooling_layer.compute_output_shape(hidden_shape))
        self.built = True

    def call(self, sequences: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Returns the logits."""
        hidden = self.backbone(sequences, mask=mask, training=training)
        pooled = self.dropout_layer(self.pooling_layer(hidden, mask=mask), training=training)
        return self.logits_layer(pooled)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the logits."""
        return (input_shape[0], self.num_classes)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: the outputs have no steps."""
        return None

    def initial_step_state(self, batch_size: int) -> StepState:
        """Returns the initial state of `step`, by name.

        Raises:
            ValueError: if the backbone needs whole sequences.
        """
        state = self.backbone.initial_step_state(batch_size)
        features = self.backbone.compute_output_shape((None, None, 1))[-1]
        return {**state, **self.pooling_layer.initial_step_state(batch_size, features)}

    def step(
        self, sequences: Tensor, mask: Tensor | None, state: StepState
    ) -> tuple[Tensor, Tensor, StepState]:
        """Classifies the sequence so far, with one more step.

        Args:
            sequences: `(batch, 1, features)`.
            mask: Booleans `(batch, 1)`, False for rows whose state does not change; or None.
            state: dictionary that `initial_step_state` or the previous step returned.

        Returns:
            The logits `(batch, num_classes)`, the mask, and the new state.
        """
        inputs = sequences[:, 0]
        if mask is None:
            mask = ops.ones_like(inputs[:, :1], "bool")
        hidden, hidden_state = self.backbone.step(inputs, mask, state)
        pooled, pooled_state = self.pooling_layer.step(hidden, mask, state)
        return self.logits_layer(pooled), mask, {**hidden_state, **pooled_state}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "pooling": self.pooling}

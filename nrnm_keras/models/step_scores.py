"""Loss and accuracy of sequence tagging, where some steps have no label."""

import keras
from keras import ops

from nrnm_keras.models.exact_mean import ExactMean
from nrnm_keras.typing import Tensor


class StepLoss(keras.losses.Loss):
    """The mean loss over the labeled steps of each sequence; subclasses define `of_steps`.

    Call arguments:
        y_true: Integers `(batch, timesteps)`; negative for steps without a label.
        y_pred: `(batch, timesteps, ...)`.

    Returns:
        The mean over the sequences, with equal weights; 0 for a sequence without labels.
    """

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Returns the loss. Predictions are copied to drop their mask: the labels replace it."""
        return super().__call__(y_true, ops.copy(y_pred), sample_weight)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the loss of each sequence, `(batch,)`."""
        is_labeled = ops.cast(y_true >= 0, y_pred.dtype)
        total = ops.sum(self.of_steps(y_true, y_pred) * is_labeled, axis=1)
        return total / ops.maximum(ops.sum(is_labeled, axis=1), 1)

    def of_steps(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the loss of each step, `(batch, timesteps)`; any number without a label."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="nrnm_keras")
class StepCrossentropy(StepLoss):
    """The mean cross entropy over the labeled steps of each sequence.

    Call arguments:
        y_true: Integers `(batch, timesteps)`; negative for steps without a label.
        y_pred: Logits `(batch, timesteps, classes)`.

    Returns:
        The mean over the sequences, with equal weights; 0 for a sequence without labels.

    Example:

    >>> labels, logits = np.array([[0, 1, -1]]), np.zeros((1, 3, 2))
    >>> round(float(StepCrossentropy()(labels, logits)), 4)  # the logarithm of 2
    0.6931
    """

    def of_steps(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the cross entropy of each step."""
        labels = ops.cast(ops.maximum(y_true, 0), "int32")
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class StepAccuracy(ExactMean):
    """The accuracy over the labeled steps of all sequences.

    Call arguments:
        y_true: Integers `(batch, timesteps)`; negative for steps without a label.
        y_pred: Logits `(batch, timesteps, classes)`.
        sample_weight: `(batch,)`, the weights of the sequences.

    Example:

    >>> logits = np.array([[[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]]])
    >>> float(StepAccuracy()(np.array([[0, 1, -1]]), logits))
    0.5
    """

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the steps of a batch."""
        labels = ops.cast(y_true, "int32")
        weights = ops.cast(labels >= 0, self.dtype)
        if sample_weight is not None:
            weights = weights * ops.expand_dims(ops.cast(sample_weight, self.dtype), 1)
        is_right = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), labels)
        return super().update_state(ops.cast(is_right, self.dtype), sample_weight=weights)

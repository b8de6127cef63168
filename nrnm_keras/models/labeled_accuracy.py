"""LabeledAccuracy: accuracy over the examples that have a label."""

import keras
from keras import ops

from nrnm_keras.typing import Tensor


# Saved models know the class by the name that it had before.
@keras.saving.register_keras_serializable(package="nrnm_keras", name="LabelledAccuracy")
class LabeledAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The accuracy over the examples that have a label.

    Call arguments:
        y_true: Integers `(batch,)`, negative for no label.
        y_pred: Logits `(batch, classes)`.
        sample_weight: `(batch,)`.

    Example:

    >>> logits = np.array([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    >>> float(LabeledAccuracy()(np.array([0, 1, -1]), logits))
    0.5
    """

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the labeled examples of a batch."""
        y_true = ops.convert_to_tensor(y_true)
        weights = ops.cast(y_true >= 0, self.dtype)
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, self.dtype)
        return super().update_state(y_true, y_pred, sample_weight=weights)

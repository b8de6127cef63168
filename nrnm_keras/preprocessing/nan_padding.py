"""NanPadding: the mask of sequences that are padded with NaN."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NanPadding(layers.Layer):
    """Masks the steps in which every feature is NaN, and sets them to zero.

    Call arguments:
        sequences: `(batch, timesteps, features)`.

    Returns:
        `(batch, timesteps, features)`, with a mask that is False for padding.

    Example:

    >>> NanPadding()(np.array([[[5.0], [np.nan]]])).numpy().tolist()
    [[[5.0], [0.0]]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequences: Tensor) -> Tensor:
        """Returns the sequences without NaN."""
        is_step = ops.expand_dims(self.compute_mask(sequences), -1)
        return ops.where(is_step, sequences, ops.zeros_like(sequences))

    def compute_mask(self, sequences: Tensor, previous_mask: Tensor | None = None) -> Tensor:
        """Returns booleans `(batch, timesteps)`, False for padding."""
        return ops.logical_not(ops.all(ops.isnan(sequences), axis=-1))

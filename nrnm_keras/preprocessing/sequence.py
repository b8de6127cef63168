"""SequencePreprocessor: sequences of measured features to model input."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SequencePreprocessor(layers.Layer):
    """Standardises features, and masks padding.

    Each feature is shifted and scaled to mean 0 and variance 1 over all steps of the training
    sequences. Steps in which every feature is NaN are padding: they become zeros and are masked.

    Args:
        mean: List of floats, the mean of each feature. Default: learnt with `adapt`.
        variance: List of floats, likewise. A feature that does not vary is only shifted.

    Call arguments:
        sequences: `(batch, timesteps, features)`.

    Returns:
        `(batch, timesteps, features)`, with the mask of the steps that are no padding.

    Raises:
        ValueError: if only one of `mean` and `variance` is given, or the layer has learnt neither.

    Example:

    >>> preprocessor = SequencePreprocessor(mean=[1.0], variance=[4.0])
    >>> preprocessor(np.array([[[5.0], [np.nan]]])).numpy().tolist()
    [[[2.0], [0.0]]]
    """

    def __init__(self, mean=None, variance=None, **kwargs):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(
                "Arguments `mean` and `variance` go together. "
                f"Received: mean={mean!r}, variance={variance!r}"
            )
        self.mean = mean
        self.variance = variance
        self.supports_masking = True

    def adapt(self, sequences):
        """Learns mean and variance from a `tf.data.Dataset` of batches, or an array."""
        normalization = layers.Normalization(axis=-1)
        normalization.adapt(sequences)
        normalization.finalize_state()
        self.mean = ops.convert_to_numpy(normalization.mean).reshape(-1).tolist()
        self.variance = ops.convert_to_numpy(normalization.variance).reshape(-1).tolist()

    def call(self, sequences):
        """Returns the standardised sequences."""
        if self.mean is None:
            raise ValueError("Give `mean` and `variance`, or call `adapt` with training sequences.")
        scale = [1 / variance**0.5 if variance > 0 else 1.0 for variance in self.variance]
        mean, scale = (ops.convert_to_tensor(x, sequences.dtype) for x in (self.mean, scale))
        is_step = ops.expand_dims(self.compute_mask(sequences), -1)
        return ops.where(is_step, (sequences - mean) * scale, ops.zeros_like(sequences))

    def compute_mask(self, sequences, previous_mask=None):
        """Returns booleans `(batch, timesteps)`, False for padding."""
        return ops.logical_not(ops.all(ops.isnan(sequences), axis=-1))

    def get_config(self):
        """Returns what `adapt` learnt, or the arguments of the constructor."""
        return {**super().get_config(), "mean": self.mean, "variance": self.variance}

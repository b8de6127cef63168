"""Standardization: features of mean 0 and variance 1."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nrnm_keras.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class Standardization(layers.Layer):
    """Shifts and scales each feature to mean 0 and variance 1 over the training steps.

    This is `keras.layers.Normalization` for sequences: it propagates the mask, and masked steps are
    zeros.

    Args:
        mean: List of floats, the mean of each feature. Default: computed by `adapt`.
        variance: List of floats, the variance of each feature. A constant feature is only shifted.
        feature_names: List of strings, the names of the features, for who reads them from a table.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        `(batch, timesteps, features)`.

    Raises:
        ValueError: if only one of `mean` and `variance` is given, or neither and `adapt` was not
            called.

    Example:

    >>> Standardization(mean=[1.0], variance=[4.0])(np.array([[[5.0], [1.0]]])).numpy().tolist()
    [[[2.0], [0.0]]]
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        variance: Sequence[float] | None = None,
        feature_names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(
                "Arguments `mean` and `variance` must be given together. "
                f"Received: mean={mean!r}, variance={variance!r}"
            )
        self.mean: Any = mean
        self.variance: Any = variance
        self.feature_names = None if feature_names is None else list(feature_names)
        self.supports_masking = True

    def adapt(self, batches: Iterable[Tensor]) -> None:
        """Computes mean and variance of arrays of steps `(..., features)`, batch by batch."""
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for batch in batches:
            steps = ops.convert_to_numpy(batch)
            steps = steps.reshape(-1, steps.shape[-1]).astype("float64")
            if len(steps):
                # Centered: squares of large numbers leave no digits for a small variance
                # (Chan, Golub & LeVeque, The American Statistician 37, 1983).
                apart = steps.mean(axis=0) - mean
                share = len(steps) / (count + len(steps))
                squares = squares + np.square(steps - steps.mean(axis=0)).sum(axis=0)
                squares = squares + np.square(apart) * count * share
                mean, count = mean + share * apart, count + len(steps)
        if not count:
            raise ValueError("Argument `batches` must have at least one step. Received: none")
        self.mean = mean.tolist()
        self.variance = (squares / count).tolist()

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the standardized sequences."""
        if self.mean is None or self.variance is None:
            raise ValueError("Give `mean` and `variance`, or call `adapt` with training steps.")
        scale = [1 / variance**0.5 if variance > 1e-12 else 1.0 for variance in self.variance]
        mean, scale = (ops.convert_to_tensor(x, sequences.dtype) for x in (self.mean, scale))
        standardized = (sequences - mean) * scale
        if mask is None:
            return standardized
        return ops.where(ops.expand_dims(mask, -1), standardized, ops.zeros_like(standardized))

    def get_config(self) -> Config:
        """Returns the arguments of the constructor, or the result of `adapt`."""
        config = {**super().get_config(), "mean": self.mean, "variance": self.variance}
        if self.feature_names is not None:
            config["feature_names"] = self.feature_names
        return config

"""SkeletonRotation: random rotation of preprocessed skeletons in training."""

import math
from typing import Any

import keras
from keras import layers, ops, random

from nrnm_keras.preprocessing import rotations
from nrnm_keras.preprocessing.argument_checks import check_choice, check_range
from nrnm_keras.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SkeletonRotation(layers.Layer):
    """Rotates skeletons at random in training, independently for each sequence.

    It comes after the preprocessing, whose view normalization would undo a rotation of the raw
    joints. At inference, features are unchanged.

    Args:
        rotation: Float in [0, 180], the largest angle of the rotation about the vertical axis, in
            degrees, in either direction.
        tilt: Float in [0, 180], the largest angle of the rotations about the two other axes.
        vertical: The vertical axis: `"z"` after a view normalization of `SkeletonPreprocessor`, or
            `"y"` without.
        seed: Integer, the seed of the rotations, or `None`.

    Call arguments:
        features: `(batch, timesteps, features)`, a sequence of vectors x, y, z, as
            `SkeletonPreprocessor` returns them.
        training: Boolean, whether to rotate.

    Returns:
        Features of the same shape.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> rotation = SkeletonRotation(rotation=30.0, tilt=10.0, seed=1)
    >>> rotation(np.ones((4, 60, 150)), training=True).shape
    TensorShape([4, 60, 150])
    """

    def __init__(
        self,
        rotation: float = 0.0,
        tilt: float = 0.0,
        vertical: str = "z",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in {"rotation": rotation, "tilt": tilt}.items():
            check_range(name, value, 0 <= value <= 180, "in [0, 180] degrees")
        check_choice("vertical", vertical, ("y", "z"))
        self.rotation = rotation
        self.tilt = tilt
        self.vertical = vertical
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """Returns the features, rotated in training."""
        if not training or not (self.rotation or self.tilt):
            return features
        shape = ops.shape(features)
        vectors = ops.reshape(features, (shape[0], shape[1], -1, 3))
        rotated = rotations.rotate(vectors, ops.cast(self._draw(shape[0]), features.dtype))
        return ops.reshape(rotated, shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the features, which does not change."""
        return input_shape

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "rotation": self.rotation,
            "tilt": self.tilt,
            "vertical": self.vertical,
            "seed": self.seed,
        }

    def _draw(self, batch_size):
        """Draws a rotation for each sequence, about the vertical and then about the other axes."""
        matrices = self._about(self.vertical, self.rotation, batch_size)
        for axis in "xyz".replace(self.vertical, ""):
            matrices = rotations.compose(self._about(axis, self.tilt, batch_size), matrices)
        return matrices

    def _about(self, axis, degrees, batch_size):
        most = math.radians(degrees)
        angles = random.uniform((batch_size,), -most, most, "float32", seed=self.seed_generator)
        return rotations.about_axis(angles, axis)

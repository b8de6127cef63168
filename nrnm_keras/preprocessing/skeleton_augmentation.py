"""SkeletonAugmentation: random augmentation of raw joints in training."""

import math
from typing import Any

import keras
from keras import layers, ops, random

from nrnm_keras.config.skeleton_layout import LAYOUTS
from nrnm_keras.preprocessing import frame_sampling
from nrnm_keras.preprocessing.argument_checks import (
    check_choice,
    check_range,
    check_shape,
    check_shape_in_call,
)
from nrnm_keras.preprocessing.body_presence import (
    MainBody,
    find_bodies,
    valid_lengths,
    zero_missing,
)
from nrnm_keras.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SkeletonAugmentation(layers.Layer):
    """Augments raw joints at random in training, independently for each sequence.

    The augmentations are applied in the order of the arguments; those with a value of 0 are off.
    Missing bodies and padding (see `SkeletonPreprocessor`) stay zero. At inference, joints are
    unchanged.

    Do not use `mirror` or `speed` if the classes differ in left and right or in speed. For
    rotations, see `SkeletonRotation`.

    Args:
        layout: Name of the skeleton's layout in `LAYOUTS`.
        crop: Float in [0, 1), the largest share of the valid frames that is cropped. A random
            range of frames is kept and moved to the front.
        speed: Float in [0, 1). Time is warped: within a sequence, the speed varies between
            1 - `speed` and 1 + `speed`. The number of frames, the first and the last frame stay.
        swap_bodies: Float in [0, 1], the probability of swapping the first two bodies, in
            sequences that have both.
        mirror: Float in [0, 1], the probability of exchanging left and right.
        scale: Float in [0, 1), the largest change of size: factors are in [1 - scale, 1 + scale].
            The position of the main body's spine in its first frame is the fixed point.
        noise: Float of at least 0, the standard deviation of the noise that is added to every
            coordinate of every frame, in meters.
        seed: Integer, the seed of the augmentations, or `None`.

    Call arguments:
        joints: Raw joints `(batch, frames, bodies, joints, 3)` in meters.
        training: Boolean, whether to augment.

    Returns:
        Joints of the same shape, in float32 regardless of the layer's dtype.

    Raises:
        ValueError: if an argument is out of its range, or the joints do not match the layout.

    Example:

    >>> augmentation = SkeletonAugmentation(speed=0.3, scale=0.1, seed=1)
    >>> augmentation(np.random.normal(size=(4, 60, 2, 25, 3)), training=True).shape
    TensorShape([4, 60, 2, 25, 3])
    """

    def __init__(
        self,
        layout: str = "kinect_v2",
        crop: float = 0.0,
        speed: float = 0.0,
        swap_bodies: float = 0.0,
        mirror: float = 0.0,
        scale: float = 0.0,
        noise: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # No autocast: half precision would round joints to millimeters.
        super().__init__(autocast=False, **kwargs)
        check_choice("layout", layout, LAYOUTS)
        for name, value in {"crop": crop, "speed": speed, "scale": scale}.items():
            check_range(name, value, 0 <= value < 1, "in [0, 1)")
        for name, value in {"swap_bodies": swap_bodies, "mirror": mirror}.items():
            check_range(name, value, 0 <= value <= 1, "in [0, 1]")
        check_range("noise", noise, noise >= 0, "at least 0")
        self.layout = layout
        self.crop = crop
        self.speed = speed
        self.swap_bodies = swap_bodies
        self.mirror = mirror
        self.scale = scale
        self.noise = noise
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, joints: Tensor, training: bool = False) -> Tensor:
        """Returns the joints, augmented in training."""
        check_shape_in_call(joints.shape, self.layout)
        joints = ops.cast(joints, "float32")
        if not training:
            return joints
        present = find_bodies(joints)
        joints = zero_missing(joints, present)  # NaN and infinity would spread
        if self.crop or self.speed:
            joints, present = self._resample(joints, present)
        if self.swap_bodies and joints.shape[2] > 1:
            joints, present = self._swap(joints, present)
        if self.mirror:
            joints = self._mirror(joints)
        if self.scale:
            joints = self._change_size(joints, present)
        if self.noise:
            joints = joints + self._draw_noise(ops.shape(joints))
        return zero_missing(joints, present)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the joints, which does not change."""
        check_shape(input_shape, self.layout)
        return input_shape

    def compute_output_spec(
        self, joints: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Returns the symbolic output: joints are float32 regardless of the layer's dtype."""
        return keras.KerasTensor(self.compute_output_shape(joints.shape), dtype="float32")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "layout": self.layout,
            "crop": self.crop,
            "speed": self.speed,
            "swap_bodies": self.swap_bodies,
            "mirror": self.mirror,
            "scale": self.scale,
            "noise": self.noise,
            "seed": self.seed,
        }

    def _resample(self, joints, present):
        """Crops frames at both ends and warps the time of the others."""
        frames = ops.arange(ops.shape(joints)[1], dtype="int32")
        lengths = valid_lengths(present)
        start, kept = self._draw_crop(lengths)
        positions = start[:, None] + frames
        is_kept = frames < kept[:, None]
        if self.speed:
            warped = self._warp(ops.cast(frames, "float32"), kept)
            positions = ops.cast(start, "float32")[:, None] + warped
        sampling = frame_sampling.FrameSampling(positions, lengths)
        present = ops.logical_and(sampling.find_bodies(present), is_kept[..., None])
        return sampling.joints(joints), present

    def _draw_crop(self, lengths):
        """Draws the first frame and the number of frames to keep, int32 `(batch,)`."""
        valid = ops.cast(lengths, "float32")
        kept = ops.ceil(valid * self._draw(lengths, 1 - self.crop, 1))
        start = ops.floor((valid - kept + 1) * self._draw(lengths, 0, 1))
        start = ops.minimum(start, valid - kept)  # the product may have been rounded up
        return ops.cast(start, "int32"), ops.cast(kept, "int32")

    def _warp(self, frames, kept):
        """Returns the warped time of each frame, in frames."""
        last = ops.cast(ops.maximum(kept - 1, 1), "float32")[:, None]
        time = ops.minimum(frames / last, 1)
        # The speed is 1 + a cos(pi time) + b cos(2 pi time), so that both ends are fixed.
        warped = time
        for waves in (1, 2):
            amount = self._draw(kept, -self.speed / 2, self.speed / 2)[:, None]
            warped = warped + amount * ops.sin(waves * math.pi * time) / (waves * math.pi)
        return ops.clip(warped, 0, 1) * last

    def _swap(self, joints, present):
        """Swaps the first two bodies of sequences in which both occur."""
        are_two = ops.all(ops.any(present[:, :, :2], axis=1), axis=1)
        swapped = ops.logical_and(self._happens(joints, self.swap_bodies), are_two)
        order = (1, 0, *range(2, joints.shape[2]))
        exchanged = ops.take(joints, order, axis=2), ops.take(present, order, axis=2)
        return (
            ops.where(swapped[:, None, None, None, None], exchanged[0], joints),
            ops.where(swapped[:, None, None], exchanged[1], present),
        )

    def _mirror(self, joints):
        mirrored = ops.take(joints, LAYOUTS[self.layout].mirrored, axis=3)
        mirrored = mirrored * ops.convert_to_tensor((-1.0, 1.0, 1.0), "float32")
        happens = self._happens(joints, self.mirror)
        return ops.where(happens[:, None, None, None, None], mirrored, joints)

    def _change_size(self, joints, present):
        """Scales joints about the position of the main body's spine in its first frame."""
        pivot = MainBody(joints, present).first(LAYOUTS[self.layout].spine)[:, None, None, None]
        factors = self._draw(joints, 1 - self.scale, 1 + self.scale)
        return factors[:, None, None, None, None] * (joints - pivot) + pivot

    def _draw_noise(self, shape):
        return random.normal(shape, 0.0, self.noise, "float32", seed=self.seed_generator)

    def _happens(self, joints, rate):
        return self._draw(joints, 0, 1) < rate

    def _draw(self, sequences, lowest, highest):
        """Draws a number for each sequence, float32 `(batch,)`."""
        drawn = random.uniform(
            (ops.shape(sequences)[0],), dtype="float32", seed=self.seed_generator
        )
        return lowest + (highest - lowest) * drawn

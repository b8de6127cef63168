"""How options become layers that take in skeletons."""

from nrnm_keras.config import AugmentationConfig, SkeletonConfig
from nrnm_keras.preprocessing.skeleton import SkeletonPreprocessor
from nrnm_keras.preprocessing.skeleton_augmentation import SkeletonAugmentation
from nrnm_keras.preprocessing.skeleton_rotation import SkeletonRotation


def build_preprocessor(options: SkeletonConfig, layout: str) -> SkeletonPreprocessor:
    """Returns the `SkeletonPreprocessor` of a `SkeletonConfig`, for skeletons of a layout."""
    if options.preprocessing == "authors":
        return SkeletonPreprocessor.authors(layout)
    names = ("timesteps", "length", "view", "reference_bone_lengths", "velocity", "bones")
    given = {name: getattr(options, name) for name in names}
    return SkeletonPreprocessor(layout, center=options.center, **given)


def build_augmentation(options: AugmentationConfig, layout: str) -> SkeletonAugmentation:
    """Returns the `SkeletonAugmentation` of an `AugmentationConfig`, for skeletons of a layout."""
    return SkeletonAugmentation(
        layout,
        scale=options.random_scale,
        crop=options.random_crop,
        speed=options.random_speed,
        noise=options.random_noise,
        mirror=options.random_mirror,
        swap_bodies=options.random_swap,
    )


def build_rotation(
    options: AugmentationConfig, preprocessor: SkeletonPreprocessor
) -> SkeletonRotation:
    """Returns the `SkeletonRotation` of an `AugmentationConfig`, to come after a preprocessor."""
    vertical = "y" if preprocessor.view == "none" else "z"
    return SkeletonRotation(options.random_rotation, options.random_tilt, vertical)

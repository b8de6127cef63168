"""The options of skeletons."""

import dataclasses

from nrnm_keras.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkeletonSplitConfig(Options):
    """Test samples"""

    split: str = option(
        "cross_subject",
        "what differs between training and test samples",
        choices=("cross_subject", "cross_view", "cross_setup"),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkeletonConfig(Options):
    """Skeletons"""

    preprocessing: str = option(
        "flags",
        "whether the options from timesteps to bones apply, or the preprocessing of the paper's "
        "authors",
        choices=("flags", "authors"),
    )
    timesteps: int = option(100, "length of a sequence after resampling", minimum=1, unit="steps")
    length: str = option(
        "resample",
        "how a sequence gets that length; first and central crop it, all keeps every frame",
        choices=("resample", "first", "central", "all"),
    )
    center: str = option(
        "every_frame",
        "frames whose main body's spine is moved to the origin",
        choices=("every_frame", "first_frame", "none"),
        old_flags=("centre",),
    )
    view: str = option(
        "full",
        "rotation to the axes of the main body in the first frame; vertical: about the vertical "
        "axis alone",
        choices=("full", "vertical", "two_rotations", "none"),
    )
    reference_bone_lengths: bool = option(False, "give all skeletons the same bone lengths")
    velocity: bool = option(False, "add the change of each joint since the step before")
    bones: bool = option(False, "add the position of each joint relative to its parent")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentationConfig(Options):
    """Skeleton augmentation (training only)"""

    random_rotation: float = option(
        0.0, "largest rotation about the vertical axis", minimum=0.0, maximum=180, unit="degrees"
    )
    random_tilt: float = option(
        0.0, "largest rotation about the other axes", minimum=0.0, maximum=90, unit="degrees"
    )
    random_scale: float = option(0.0, "largest relative change of size", minimum=0.0, maximum=0.9)
    random_crop: float = option(
        0.0, "largest fraction of the frames that is cut off at the ends", minimum=0.0, maximum=0.9
    )
    random_speed: float = option(0.0, "largest relative change of speed", minimum=0.0, maximum=0.9)
    random_noise: float = option(
        0.0, "standard deviation of the noise on joints", minimum=0.0, maximum=1.0, unit="meters"
    )
    random_mirror: float = option(
        0.0, "fraction of sequences whose left and right are swapped", minimum=0.0, maximum=1.0
    )
    random_swap: float = option(
        0.0, "fraction of sequences whose two bodies are swapped", minimum=0.0, maximum=1.0
    )

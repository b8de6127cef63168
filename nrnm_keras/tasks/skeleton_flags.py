"""The flags of skeletons: preprocessing and augmentation, one for each choice of the layers."""

from absl import flags

from nrnm_keras.preprocessing import (
    SkeletonAugmentation,
    SkeletonPreprocessor,
    SkeletonRotation,
)

PREPROCESSING = ("flags", "authors")
SPLITS = ("cross_subject", "cross_view", "cross_setup")


def define_flags(values):
    """Defines the flags of skeletons in an absl `FlagValues`."""

    def choice(name, default, choices, text):
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    def switch(name, text):
        flags.DEFINE_boolean(name, False, text, flag_values=values)

    def number(name, text, upper_bound):
        flags.DEFINE_float(
            name, 0.0, text, lower_bound=0.0, upper_bound=upper_bound, flag_values=values
        )

    choice("split", "cross_subject", SPLITS, "what the test samples of skeletons differ in")
    choice(
        "preprocessing",
        "flags",
        PREPROCESSING,
        "of skeletons: as the flags from timesteps to bones say, or as the paper's authors did",
    )
    flags.DEFINE_integer(
        "timesteps", 100, "steps that a skeleton sequence gets", lower_bound=1, flag_values=values
    )
    choice(
        "length",
        "resample",
        SkeletonPreprocessor.LENGTHS,
        "how a skeleton sequence gets them: resampled, or its first or central frames",
    )
    choice(
        "centre",
        "every_frame",
        SkeletonPreprocessor.CENTERS,
        "where the main body's spine is moved to the origin",
    )
    choice(
        "view",
        "full",
        SkeletonPreprocessor.VIEWS,
        "rotation to the main body's own axes in the first frame; vertical: about the vertical",
    )
    switch("reference_bone_lengths", "give every skeleton the same bone lengths")
    switch("velocity", "add each joint's change since the step before to the features")
    switch("bones", "add each joint's place relative to its parent to the features")
    number("random_rotation", "training: rotation about the vertical, up to so many degrees", 180)
    number("random_tilt", "training: rotation about the other axes, up to so many degrees", 90)
    number("random_scale", "training: change of size, up to this share", 0.9)
    number("random_crop", "training: up to this share of the frames is cut off at the ends", 0.9)
    number("random_speed", "training: change of speed, up to this share", 0.9)
    number("random_noise", "training: standard deviation of noise on the joints, in metres", 1)
    number("random_mirror", "training: share of sequences with left and right exchanged", 1)
    number("random_swap", "training: share of sequences with the two bodies exchanged", 1)


def build_preprocessor(flags, layout):
    """Returns the `SkeletonPreprocessor` that the flags describe."""
    if flags.preprocessing == "authors":
        return SkeletonPreprocessor.authors(layout)
    names = ("timesteps", "length", "centre", "view", "reference_bone_lengths", "velocity", "bones")
    return SkeletonPreprocessor(layout, **{name: getattr(flags, name) for name in names})


def build_augmentation(flags, layout):
    """Returns the `SkeletonAugmentation` that the flags describe."""
    return SkeletonAugmentation(
        layout,
        scale=flags.random_scale,
        crop=flags.random_crop,
        speed=flags.random_speed,
        noise=flags.random_noise,
        mirror=flags.random_mirror,
        swap_bodies=flags.random_swap,
    )


def build_rotation(flags, preprocessor):
    """Returns the `SkeletonRotation` that the flags describe, to come after a preprocessor."""
    vertical = "y" if preprocessor.view == "none" else "z"
    return SkeletonRotation(flags.random_rotation, flags.random_tilt, vertical)

"""SkeletonPreprocessor: raw joints to features at a fixed number of time steps."""

import math
from typing import Any, Self

import keras
from keras import layers, ops

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.preprocessing import frame_sampling, rotations
from nrnm_keras.preprocessing.argument_checks import check_choice, check_shape, check_shape_in_call
from nrnm_keras.preprocessing.body_presence import (
    MainBody,
    find_bodies,
    valid_lengths,
    zero_missing,
)
from nrnm_keras.preprocessing.body_repetition import repeated_steps, take_steps
from nrnm_keras.preprocessing.skeleton_layout import LAYOUTS
from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SkeletonPreprocessor(layers.Layer):
    """Turns raw joints into features: chooses time steps, centres, rotates, lays out.

    A body is missing in a frame where all of its coordinates are zero or any is not finite. Frames
    at the end without any body are padding; others without a body are time that passes. The main
    body of a sequence is the first that is present at any of its time steps; if all frames are
    steps, it is the one that is seen first, so that no step depends on a later one.

    The steps, in their order, each with its own arguments:

    1. *Length*: `timesteps` steps are taken from the valid frames, or all frames are steps.
       Interpolated steps have a body only if both of the frames around them have it.
    2. *Fill*: what follows a body's last step may repeat its steps from the start.
    3. *Bone lengths*: people of all sizes may be given the same bones.
    4. *Centre*: the position of the main body's spine (the joint in its middle) is subtracted
       from all joints of all bodies. Where the main body is missing, its spine counts as being
       where it last was (before its first step, where it will be).
    5. *View*: the whole sequence is rotated by what turns the first step with the main body into
       a fixed position: x points to its right, y forward and z up.
    6. *Features*: the joints' coordinates, and more if wanted. Missing bodies are zeros.

    Computed in float32 whatever the layer's dtype; the features are in its compute dtype.

    Args:
        layout: Name of the skeleton's layout in `LAYOUTS`: `"kinect_v2"`, the 25 joints of
            NTU RGB+D, or `"kinect_v1"`, the 20 joints of NW-UCLA.
        timesteps: Positive integer, the number of time steps, unless `length` is `"all"`.
        length: `"resample"`, steps evenly spaced from the first to the last valid frame, by linear
            interpolation; `"first"` or `"central"`, the frames at the beginning or in the middle,
            with padding at the end if there are fewer; or `"all"` frames, however many.
        fill: `"none"`, or `"repeat"`: the steps after a body's last repeat its steps from the
            start, and a body that is missing in the first step has its steps moved to the front.
        reference_bone_lengths: Boolean, whether every bone gets the length that the layout has for
            it. Bones keep their directions, the root its place.
        centre: `"every_frame"`; `"first_frame"`, which subtracts the main body's first position
            everywhere and so keeps its way through the room; or `"none"`.
        view: `"full"`, the main body's spine (from its base to its middle) comes to lie on z and
            the line from left to right shoulder in the plane of x and z, on the side of positive
            x: rotating the raw joints does not change the features. `"vertical"`, only a turn
            about the vertical (y of the raw joints) that brings the shoulders there, so that a
            body that leans or lies still does. `"two_rotations"`, the usual preparation of
            NTU RGB+D: the shortest rotation of the spine onto z, then the shortest of the
            shoulders onto x, after which the spine is off z again. Or `"none"`.
        velocity: Boolean, whether to add the difference of every coordinate to the step before;
            zero where the body is missing in either.
        bones: Boolean, whether to add the vector from its parent to every joint; zero for the root.

    Call arguments:
        joints: Raw joints `(batch, frames, bodies, joints, 3)` in metres, with y up as cameras of
            the Kinect give them. The number of frames need not be known; no frames are one without
            a body.

    Returns:
        Features `(batch, timesteps, parts * bodies * joints * 3)`, with as many time steps as
        frames if `length` is `"all"`, where the parts are the
        coordinates, then velocities and bones if wanted; with a mask `(batch, timesteps)` that is
        False for steps without any body.

    Raises:
        ValueError: if an argument is out of its range, or the joints do not fit the layout.

    Example:

    >>> joints = np.random.normal(size=(4, 60, 2, 25, 3))
    >>> joints[0, 40:] = 0  # padding
    >>> SkeletonPreprocessor(timesteps=50, velocity=True)(joints).shape
    TensorShape([4, 50, 300])
    """

    LENGTHS = (*frame_sampling.POSITIONS, "all")
    CENTRES = ("every_frame", "first_frame", "none")
    VIEWS = ("full", "vertical", "two_rotations", "none")

    def __init__(
        self,
        layout: str = "kinect_v2",
        timesteps: int = 100,
        length: str = "resample",
        fill: str = "none",
        reference_bone_lengths: bool = False,
        centre: str = "every_frame",
        view: str = "full",
        velocity: bool = False,
        bones: bool = False,
        **kwargs: Any,
    ) -> None:
        # Half precision would round joints some metres away to millimetres.
        super().__init__(autocast=False, **kwargs)
        check_choice("layout", layout, LAYOUTS)
        check_choice("length", length, self.LENGTHS)
        check_choice("fill", fill, ("none", "repeat"))
        check_choice("centre", centre, self.CENTRES)
        check_choice("view", view, self.VIEWS)
        if timesteps < 1:
            raise ValueError(
                f"Argument `timesteps` must be at least 1. Received: timesteps={timesteps!r}"
            )
        if fill == "repeat" and length == "all":
            raise ValueError(
                "Argument `fill` can be 'repeat' only if there is a fixed number of time steps. "
                "Received: fill='repeat', length='all'"
            )
        self.layout = layout
        self.timesteps = timesteps
        self.length = length
        self.fill = fill
        self.reference_bone_lengths = reference_bone_lengths
        self.centre = centre
        self.view = view
        self.velocity = velocity
        self.bones = bones
        self.supports_masking = True
        self._skeleton = LAYOUTS[layout]

    @classmethod
    def authors(cls, layout: str = "kinect_v2", **kwargs: Any) -> Self:
        """Makes a preprocessor with the steps of the paper's authors.

        The first 100 frames, what is missing after a body's last frame filled by repeating it,
        centred in every frame, the spine to z and then the shoulders to x. It differs where the
        main body has a gap (the second is left in the camera's coordinates there, here it is
        centred).

        Args:
            layout: Name of the skeleton's layout.
            **kwargs: Further arguments of the layer, such as `name`.

        Example:

        >>> SkeletonPreprocessor.authors()(np.ones((1, 7, 2, 25, 3))).shape
        TensorShape([1, 100, 150])
        """
        return cls(layout, 100, length="first", fill="repeat", view="two_rotations", **kwargs)

    def build(self, input_shape: Shape) -> None:
        """Has no weights to create."""
        check_shape(input_shape, self.layout)
        self._frame_shape = tuple(input_shape[2:])

    def call(self, joints: Tensor) -> Tensor:
        """Returns the features."""
        check_shape_in_call(joints.shape, self.layout)
        batch_size, joints = ops.shape(joints)[0], _at_least_one_frame(joints)
        present = find_bodies(joints)
        joints = zero_missing(joints, present)  # what is not finite would spread
        joints, present = self._choose_steps(joints, present)
        if self.reference_bone_lengths:
            joints = self._with_reference_bones(joints)
        joints = self._seen_from_the_main_body(joints, present)
        return ops.cast(self._features(joints, present), self.compute_dtype)[:batch_size]

    def compute_mask(self, joints: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Returns the mask `(batch, timesteps)`, False for steps without any body."""
        if isinstance(joints, keras.KerasTensor):
            return None  # made whenever a model runs; no part of its graph
        batch_size, present = ops.shape(joints)[0], find_bodies(_at_least_one_frame(joints))
        if self.length != "all":
            present = self._sampling(present).find_bodies(present)
        if self.fill == "repeat":
            present = take_steps(present, repeated_steps(present))
        return ops.any(present, axis=2)[:batch_size]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the features."""
        check_shape(input_shape, self.layout)
        parts = 1 + self.velocity + self.bones
        timesteps = input_shape[1] if self.length == "all" else self.timesteps
        return (input_shape[0], timesteps, parts * input_shape[2] * input_shape[3] * 3)

    def initial_step_state(self, batch_size: int) -> StepState:
        """Returns what `step` knows before the first frame: none has been seen.

        Raises:
            ValueError: if `length` is not `"all"`: the time steps depend on the whole sequence.
        """
        if self.length != "all":
            raise ValueError(
                "The time steps of skeletons depend on the whole sequence unless `length` is "
                f"'all'. Received: length={self.length!r}"
            )
        return {"frames": ops.zeros((batch_size, 3 * math.prod(self._frame_shape)), "float32")}

    def step(
        self, joints: Tensor, mask: None, state: StepState
    ) -> tuple[Tensor, Tensor, StepState]:
        """Gives one frame the features that it has within its sequence.

        These depend on three other frames: the first with the main body, the last before this one
        with it, and the one before.

        Args:
            joints: `(batch, 1, bodies, joints, 3)`.
            mask: None.
            state: dictionary with what `initial_step_state` or the step before returned.

        Returns:
            The features `(batch, 1, features)`, their mask `(batch, 1)`, and the new state.
        """
        joints = ops.cast(joints, "float32")
        joints = zero_missing(joints, find_bodies(joints))
        kept = ops.reshape(state["frames"], (-1, 3, *self._frame_shape))
        features = self.call(ops.concatenate([kept, joints], axis=1))[:, -1:]
        present = find_bodies(joints)
        first, last, _ = ops.split(kept, 3, axis=1)
        first = ops.where(self._any_body(first), first, joints)
        main = MainBody(first, find_bodies(first)).is_in(present)
        last = ops.where(main[..., None, None, None], joints, last)
        frames = ops.concatenate([first, last, joints], axis=1)
        frames = ops.reshape(frames, ops.shape(state["frames"]))
        return features, ops.any(present, axis=2), {"frames": frames}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "layout": self.layout,
            "timesteps": self.timesteps,
            "length": self.length,
            "fill": self.fill,
            "reference_bone_lengths": self.reference_bone_lengths,
            "centre": self.centre,
            "view": self.view,
            "velocity": self.velocity,
            "bones": self.bones,
        }

    def _any_body(self, joints):
        return ops.any(find_bodies(joints), axis=2)[..., None, None, None]

    def _sampling(self, present):
        lengths = valid_lengths(present)
        positions = frame_sampling.POSITIONS[self.length](lengths, self.timesteps)
        return frame_sampling.FrameSampling(positions, lengths)

    def _choose_steps(self, joints, present):
        if self.length == "all":
            return joints, present
        sampling = self._sampling(present)
        joints, present = sampling.joints(joints), sampling.find_bodies(present)
        if self.fill == "repeat":
            steps = repeated_steps(present)
            joints, present = take_steps(joints, steps), take_steps(present, steps)
        return joints, present

    def _with_reference_bones(self, joints):
        skeleton = self._skeleton
        bones = self._bones(joints)
        lengths = ops.sqrt(ops.sum(bones * bones, axis=-1, keepdims=True))
        wanted = ops.reshape(ops.convert_to_tensor(skeleton.bone_lengths, "float32"), (-1, 1))
        bones = ops.unstack(bones * wanted / ops.maximum(lengths, 1e-6), axis=3)
        rebuilt = list(ops.unstack(joints, axis=3))
        for joint in skeleton.outwards[1:]:
            rebuilt[joint] = rebuilt[skeleton.parents[joint]] + bones[joint]
        return ops.stack(rebuilt, axis=3)

    def _seen_from_the_main_body(self, joints, present):
        skeleton = self._skeleton
        main = MainBody(joints, present, seen_first=self.length == "all")
        if self.centre == "every_frame":
            joints = joints - main.path(skeleton.spine)[:, :, None, None]
        elif self.centre == "first_frame":
            joints = joints - main.first(skeleton.spine)[:, None, None, None]
        if self.view != "none":
            up = main.first(skeleton.spine) - main.first(skeleton.spine_base)
            right = main.first(skeleton.right_shoulder) - main.first(skeleton.left_shoulder)
            joints = rotations.rotate(joints, self._view_matrices(up, right))
        return zero_missing(joints, present)

    def _view_matrices(self, up, right):
        if self.view == "two_rotations":
            first = rotations.shortest_onto(up, "z")
            second = rotations.shortest_onto(rotations.rotate(right, first), "x")
            return rotations.compose(second, first)
        if self.view == "vertical":
            up = ops.zeros_like(up) + ops.eye(3, dtype="float32")[1]
        return rotations.onto_axes(up, right)

    def _features(self, joints, present):
        parts = [joints]
        if self.velocity:
            stays = ops.logical_and(present[:, 1:], present[:, :-1])
            change = zero_missing(joints[:, 1:] - joints[:, :-1], stays)
            parts.append(ops.concatenate([ops.zeros_like(joints[:, :1]), change], axis=1))
        if self.bones:
            parts.append(self._bones(joints))
        size = joints.shape[2] * joints.shape[3] * 3
        parts = [ops.reshape(part, (-1, ops.shape(part)[1], size)) for part in parts]
        return ops.concatenate(parts, axis=-1)

    def _bones(self, joints):
        return joints - ops.take(joints, self._skeleton.parents, axis=3)


def _at_least_one_frame(joints):
    """Returns joints in float32; of no sequence or no frame, one of which no body is seen."""
    return at_least_one(at_least_one(ops.cast(joints, "float32"), 0), 1)

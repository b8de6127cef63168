"""SkeletonPreprocessor: raw joints to features."""

import math
from typing import Any, Self

import keras
from keras import layers, ops

from nrnm_keras.config.skeleton_layout import LAYOUTS
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
from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SkeletonPreprocessor(layers.Layer):
    """Turns raw joints into features: samples time steps, centers, and rotates.

    A body is missing in a frame where all of its coordinates are zero or any is not finite. Frames
    without a body are padding at the end of a sequence, and valid frames elsewhere. The main body
    of a sequence is the first body that is present at any time step. If all frames are time steps,
    it is the body that is seen earliest, so that no step depends on a later one.

    The stages, in this order, each with its own arguments:

    1. *Length*: `timesteps` steps are sampled from the valid frames, or all frames are steps. An
       interpolated step has a body only if both of the frames around it have it.
    2. *Fill*: after the last step of a body, its steps may repeat from the start.
    3. *Bone lengths*: all skeletons may get the same bone lengths.
    4. *Center*: the position of the main body's spine (the joint in its middle) is subtracted
       from all joints of all bodies. Where the main body is missing, its last position is used, or
       its first before that.
    5. *View*: the whole sequence is rotated so that in the first step with the main body x points
       to its right, y forward and z up.
    6. *Features*: the coordinates of the joints, optionally velocities and bones. Missing bodies
       are zeros.

    Computations are in float32 regardless of the layer's dtype; the features have its compute
    dtype.

    Args:
        layout: Name of the skeleton's layout in `LAYOUTS`: `"kinect_v2"`, the 25 joints of
            NTU RGB+D, or `"kinect_v1"`, the 20 joints of NW-UCLA.
        timesteps: Positive integer, the number of time steps, unless `length` is `"all"`.
        length: `"resample"`, steps evenly spaced from the first to the last valid frame, by linear
            interpolation; `"first"` or `"central"`, the frames at the beginning or in the middle,
            padded at the end if there are fewer; or `"all"`, all frames.
        fill: `"none"`, or `"repeat"`: after the last step of a body its steps repeat from the
            start, and the steps of a body that is missing in the first step move to the front.
        reference_bone_lengths: Boolean, whether every bone gets its length in the layout. The
            directions of bones and the position of the root do not change.
        center: `"every_frame"`; `"first_frame"`, which subtracts the first position of the main
            body from all frames and so keeps its movement through the room; or `"none"`.
        view: `"full"` rotates the spine of the main body (from its base to its middle) onto z, and
            the line from its left to its right shoulder into the half plane of z and positive x.
            The features are then invariant to rotations of the raw joints. `"vertical"` only
            rotates about the vertical (y of the raw joints), so that a leaning or lying body
            remains so. `"two_rotations"` is the usual preprocessing of NTU RGB+D: the shortest
            rotation of the spine onto z, then the shortest rotation of the shoulders onto x, which
            moves the spine off z again. `"none"` does not rotate.
        velocity: Boolean, whether to add the difference of every coordinate from the previous
            step; zero where the body is missing in either.
        bones: Boolean, whether to add the vector of every joint from its parent; zero for the root.

    Call arguments:
        joints: Raw joints `(batch, frames, bodies, joints, 3)` in meters, with y up, as Kinect
            cameras return them. The number of frames may be unknown; a sequence of 0 frames counts
            as one frame without a body.

    Returns:
        Features `(batch, timesteps, parts * bodies * joints * 3)`, where the parts are coordinates,
        optional velocities and optional bones, and the time steps are all frames if `length` is
        `"all"`; with a mask `(batch, timesteps)` that is False for steps without a body.

    Raises:
        ValueError: if an argument is out of its range, or the joints do not match the layout.

    Example:

    >>> joints = np.random.normal(size=(4, 60, 2, 25, 3))
    >>> joints[0, 40:] = 0  # padding
    >>> SkeletonPreprocessor(timesteps=50, velocity=True)(joints).shape
    TensorShape([4, 50, 300])
    """

    LENGTHS = (*frame_sampling.POSITIONS, "all")
    CENTERS = ("every_frame", "first_frame", "none")
    VIEWS = ("full", "vertical", "two_rotations", "none")

    def __init__(
        self,
        layout: str = "kinect_v2",
        timesteps: int = 100,
        length: str = "resample",
        fill: str = "none",
        reference_bone_lengths: bool = False,
        center: str = "every_frame",
        view: str = "full",
        velocity: bool = False,
        bones: bool = False,
        **kwargs: Any,
    ) -> None:
        if "centre" in kwargs:  # the old name, which saved models have
            center = kwargs.pop("centre")
        # No autocast: half precision would round joints to millimeters.
        super().__init__(autocast=False, **kwargs)
        check_choice("layout", layout, LAYOUTS)
        check_choice("length", length, self.LENGTHS)
        check_choice("fill", fill, ("none", "repeat"))
        check_choice("center", center, self.CENTERS)
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
        self.center = center
        self.view = view
        self.velocity = velocity
        self.bones = bones
        self.supports_masking = True
        self._skeleton = LAYOUTS[layout]

    @classmethod
    def authors(cls, layout: str = "kinect_v2", **kwargs: Any) -> Self:
        """Creates a preprocessor with the steps of the paper's authors.

        It takes the first 100 frames, fills the steps after the last frame of a body by repeating
        its frames, centers every frame, and rotates the spine onto z and then the shoulders onto x.
        It differs from the authors' in gaps of the main body: there they leave the second body in
        camera coordinates, while here it is centered.

        Args:
            layout: Name of the skeleton's layout.
            **kwargs: Further arguments of the layer, such as `name`.

        Example:

        >>> SkeletonPreprocessor.authors()(np.ones((1, 7, 2, 25, 3))).shape
        TensorShape([1, 100, 150])
        """
        return cls(layout, 100, length="first", fill="repeat", view="two_rotations", **kwargs)

    def build(self, input_shape: Shape) -> None:
        """Stores the shape of a frame: the layer has no weights."""
        check_shape(input_shape, self.layout)
        self._frame_shape = tuple(input_shape[2:])

    def call(self, joints: Tensor) -> Tensor:
        """Returns the features."""
        check_shape_in_call(joints.shape, self.layout)
        batch_size, joints = ops.shape(joints)[0], _at_least_one_frame(joints)
        present = find_bodies(joints)
        joints = zero_missing(joints, present)  # NaN and infinity would spread
        joints, present = self._choose_steps(joints, present)
        if self.reference_bone_lengths:
            joints = self._with_reference_bones(joints)
        joints = self._seen_from_the_main_body(joints, present)
        return ops.cast(self._features(joints, present), self.compute_dtype)[:batch_size]

    def compute_mask(self, joints: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Returns the mask `(batch, timesteps)`, False for steps without any body."""
        if isinstance(joints, keras.KerasTensor):
            return None  # computed when a model runs, not part of its graph
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
        """Returns the initial state of `step`: frames without a body.

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
        """Computes the features of one frame of a sequence.

        They depend on three other frames: the first one with the main body, the last previous one
        with it, and the previous one.

        Args:
            joints: `(batch, 1, bodies, joints, 3)`.
            mask: None.
            state: dictionary that `initial_step_state` or the previous step returned.

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
            "center": self.center,
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
        if self.center == "every_frame":
            joints = joints - main.path(skeleton.spine)[:, :, None, None]
        elif self.center == "first_frame":
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
    """Returns joints in float32, with at least one sequence and one frame, without a body."""
    return at_least_one(at_least_one(ops.cast(joints, "float32"), 0), 1)

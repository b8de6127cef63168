"""A human body with the Kinect's 25 joints, posed by the angles of its bones.

Coordinates are right-handed, in meters: x to the body's left, y up, z forward. At rest the body
stands upright with hanging arms.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipelines.ntu_rgbd.skeleton_file import NUM_JOINTS

# Joint, parent and extent of each bone, with lengths close to those in recordings of NTU RGB+D. A
# bone goes from its parent to its joint, and its rotation moves all bones attached to it.
_TRUNK = {
    "spine": (1, 0, (0, 0.27, 0)),
    "chest": (20, 1, (0, 0.20, 0)),
    "neck": (2, 20, (0, 0.07, 0)),
    "head": (3, 2, (0, 0.12, 0.02)),
}
_LIMBS = {  # of the left side
    "shoulder": (4, 20, (0.15, -0.05, 0)),
    "upper_arm": (5, 4, (0.02, -0.24, 0)),
    "forearm": (6, 5, (0, -0.22, 0)),
    "hand": (7, 6, (0, -0.07, 0)),
    "hand_tip": (21, 7, (0, -0.06, 0)),
    "thumb": (22, 7, (-0.02, -0.03, 0.03)),
    "hip": (12, 0, (0.08, -0.03, 0)),
    "thigh": (13, 12, (0.02, -0.34, 0)),
    "shin": (14, 13, (0, -0.35, 0)),
    "foot": (15, 14, (0, -0.06, 0.10)),
}
_RIGHT_JOINTS = {4: 8, 5: 9, 6: 10, 7: 11, 12: 16, 13: 17, 14: 18, 15: 19, 21: 23, 22: 24}


class Bone(NamedTuple):
    """A bone of the body at rest: the joints where it ends and begins, its extent, its side."""

    joint: int
    parent: int
    offset: np.ndarray
    side: int  # 1 left, -1 right, 0 middle


def _bones():
    """Returns all bones by name, each after the bone it is attached to."""
    bones = {name: Bone(j, p, np.array(o, float), 0) for name, (j, p, o) in _TRUNK.items()}
    for name, (joint, parent, offset) in _LIMBS.items():
        bones[f"{name}_left"] = Bone(joint, parent, np.array(offset, float), 1)
        right_parent = _RIGHT_JOINTS.get(parent, parent)
        mirrored = np.array(offset, float) * (-1, 1, 1)
        bones[f"{name}_right"] = Bone(_RIGHT_JOINTS[joint], right_parent, mirrored, -1)
    return bones


BONES = _bones()
_FEET = [14, 15, 18, 19]
_ANKLES = [14, 18]
_FORWARD = (
    "upper_arm",
    "forearm",
    "hand",
    "thigh",
    "foot",
)  # these bend opposite to a turn about x


class Angles(NamedTuple):
    """The rotation of a bone relative to its parent, in radians: one number, or one per frame.

    Attributes:
        flexion: bends in the joint's natural direction: trunk, arms and thighs forward, shins
            backward.
        abduction: moves a limb away from the body's middle, and a bone of the middle to the right.
        twist: turns about the bone's axis, a limb outward, a bone of the middle to the left.
    """

    flexion: np.ndarray | float = 0.0
    abduction: np.ndarray | float = 0.0
    twist: np.ndarray | float = 0.0


def pose(
    angles: Mapping[str, Angles], lengths: Mapping[str, float] | None = None, frames: int = 1
) -> np.ndarray:
    """Returns the joints of a body that stands at the origin and faces z.

    Args:
        angles: name of a bone -> its `Angles`; missing bones are at rest.
        lengths: name of a bone -> factor of its length; None for 1.
        frames: number of frames, that of the angles.

    Returns:
        `(frames, 25, 3)` in meters. The lowest foot is on the floor, y = 0, and the midpoint of the
        ankles is above the origin. A body therefore sinks when it bends its knees, and moves back
        when it sits down.

    Example:

    >>> joints = pose({"upper_arm_left": Angles(abduction=np.pi / 2)})
    >>> bool(joints[0, 7, 0] > 0.6)  # the left hand
    True
    """
    joints = np.zeros((frames, NUM_JOINTS, 3))
    turned = {0: np.broadcast_to(np.eye(3), (frames, 3, 3))}
    for name, bone in BONES.items():
        turned[bone.joint] = turned[bone.parent]
        if name in angles:
            turned[bone.joint] = turned[bone.parent] @ _rotation(name, bone, angles[name], frames)
        offset = bone.offset * (lengths or {}).get(name, 1.0)
        joints[:, bone.joint] = joints[:, bone.parent] + turned[bone.joint] @ offset
    joints[..., 1] -= joints[:, _FEET, 1].min(axis=1, keepdims=True)
    joints[..., ::2] -= joints[:, _ANKLES, ::2].mean(axis=1, keepdims=True)
    return joints


def turned(joints: np.ndarray, heading: float | np.ndarray) -> np.ndarray:
    """Returns joints `(frames, 25, 3)` turned to the body's left by an angle in radians."""
    return joints @ np.swapaxes(_about(1, np.broadcast_to(heading, len(joints))), 1, 2)


def _rotation(name, bone, angles, frames):
    """Returns the rotations `(frames, 3, 3)` of a bone relative to its parent."""
    flexion, abduction, twist = (np.broadcast_to(angle, frames) for angle in angles)
    side = bone.side or 1
    return (
        _about(2, side * abduction)
        @ _about(0, -flexion if name.startswith(_FORWARD) else flexion)
        @ _about(1, side * twist)
    )


def _about(axis, angle):
    """Returns the rotations `(frames, 3, 3)` about a coordinate axis."""
    rotation = np.zeros((len(angle), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation[:, axis, axis] = 1
    rotation[:, first, first] = rotation[:, second, second] = np.cos(angle)
    rotation[:, second, first] = np.sin(angle)
    rotation[:, first, second] = -np.sin(angle)
    return rotation

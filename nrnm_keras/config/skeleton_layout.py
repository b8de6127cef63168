"""SkeletonLayout: the joints of a skeleton, and the bones between them."""

from typing import NamedTuple

from pipelines.nw_ucla.joints import JOINTS


class SkeletonLayout(NamedTuple):
    """The joints of a type of skeleton. Left and right are those of the person.

    Attributes:
        joint_names: Names of the joints, in their order.
        parents: The parent of each joint; the parent of the root is the root itself.
        spine_base: Index of the joint at the lower end of the spine.
        spine: Index of the joint in the middle of the spine, the center of the body.
        right_shoulder: Index of the right shoulder.
        left_shoulder: Index of the left shoulder.
        mirror_pairs: Pairs of a left joint and its right counterpart.
        bone_lengths: The distance of each joint to its parent in meters; 0 for the root.
    """

    joint_names: tuple
    parents: tuple
    spine_base: int
    spine: int
    right_shoulder: int
    left_shoulder: int
    mirror_pairs: tuple
    bone_lengths: tuple

    @property
    def num_joints(self) -> int:
        """The number of joints."""
        return len(self.joint_names)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """The counterpart of each joint on the other side, or the joint itself."""
        other = dict(self.mirror_pairs) | {right: left for left, right in self.mirror_pairs}
        return tuple(other.get(joint, joint) for joint in range(self.num_joints))

    @property
    def outwards(self) -> tuple[int, ...]:
        """The joints in topological order: the root first, each joint after its parent."""
        return tuple(sorted(range(self.num_joints), key=self._depth))

    def _depth(self, joint):
        parent = self.parents[joint]
        return 0 if parent == joint else 1 + self._depth(parent)


_ARM_AND_LEG_PAIRS = tuple((n, n + 4) for n in (4, 5, 6, 7, 12, 13, 14, 15))

KINECT_V2 = SkeletonLayout(
    joint_names=(
        *("spine_base", "spine_mid", "neck", "head"),
        *("left_shoulder", "left_elbow", "left_wrist", "left_hand"),
        *("right_shoulder", "right_elbow", "right_wrist", "right_hand"),
        *("left_hip", "left_knee", "left_ankle", "left_foot"),
        *("right_hip", "right_knee", "right_ankle", "right_foot"),
        "spine_shoulder",
        *("left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb"),
    ),
    parents=(
        *(0, 0, 20, 2),
        *(20, 4, 5, 6),
        *(20, 8, 9, 10),
        *(0, 12, 13, 14),
        *(0, 16, 17, 18),
        *(1, 7, 6, 11, 10),
    ),
    spine_base=0,
    spine=1,
    right_shoulder=8,
    left_shoulder=4,
    mirror_pairs=(*_ARM_AND_LEG_PAIRS, (21, 23), (22, 24)),
    # Medians over ten files of NTU RGB+D, left and right together.
    bone_lengths=(
        *(0.0, 0.266, 0.066, 0.119),
        *(0.134, 0.221, 0.206, 0.063),
        *(0.134, 0.221, 0.206, 0.063),
        *(0.068, 0.334, 0.337, 0.098),
        *(0.068, 0.334, 0.337, 0.098),
        *(0.199, 0.054, 0.079, 0.054, 0.079),
    ),
)

KINECT_V1 = SkeletonLayout(
    joint_names=JOINTS,
    parents=(
        *(0, 0, 1, 2),
        *(2, 4, 5, 6),
        *(2, 8, 9, 10),
        *(0, 12, 13, 14),
        *(0, 16, 17, 18),
    ),
    spine_base=0,
    spine=1,
    right_shoulder=8,
    left_shoulder=4,
    mirror_pairs=_ARM_AND_LEG_PAIRS,
    # Medians over all of NW-UCLA, left and right together.
    bone_lengths=(
        *(0.0, 0.068, 0.335, 0.185),
        *(0.191, 0.251, 0.236, 0.078),
        *(0.191, 0.251, 0.236, 0.078),
        *(0.097, 0.488, 0.377, 0.089),
        *(0.097, 0.488, 0.377, 0.089),
    ),
)

LAYOUTS = {"kinect_v2": KINECT_V2, "kinect_v1": KINECT_V1}

import json
import os
import pathlib

import numpy as np
import pytest

from nrnm_keras.preprocessing import LAYOUTS


@pytest.fixture(params=LAYOUTS, name="name")
def layout_name(request):
    return request.param


@pytest.fixture(name="layout")
def layout_of_that_name(name):
    return LAYOUTS[name]


def test_joints_form_one_tree(layout):
    assert len(layout.parents) == len(layout.bone_lengths) == layout.num_joints
    assert len(set(layout.joint_names)) == layout.num_joints
    roots = [joint for joint, parent in enumerate(layout.parents) if joint == parent]
    assert roots == [layout.spine_base] == [layout.outwards[0]]
    place = {joint: n for n, joint in enumerate(layout.outwards)}
    assert sorted(place) == list(range(layout.num_joints))
    for joint in layout.outwards[1:]:
        assert place[layout.parents[joint]] < place[joint]


def test_named_joints(layout):
    names = layout.joint_names
    assert names[layout.right_shoulder] == "right_shoulder"
    assert names[layout.left_shoulder] == "left_shoulder"
    assert "spine" in names[layout.spine]


def test_mirror_exchanges_left_and_right(layout):
    for joint, other in enumerate(layout.mirrored):
        name = layout.joint_names[joint]
        swapped = {"left": "right", "right": "left"}.get(name.split("_")[0])
        expected = swapped + name[name.index("_") :] if swapped else name
        assert layout.joint_names[other] == expected
        assert layout.mirrored[layout.parents[joint]] == layout.parents[other]
        assert layout.bone_lengths[joint] == layout.bone_lengths[other]


def ntu_bodies(folder):
    """The joints of every body of every frame of all `.skeleton` files of a folder."""
    bodies = []
    for path in sorted(folder.glob("*.skeleton")):
        lines = iter(path.read_text().splitlines())
        for _ in range(int(next(lines))):
            for _ in range(int(next(lines))):
                next(lines)
                joints = [next(lines).split()[:3] for _ in range(int(next(lines)))]
                bodies.append(np.array(joints, float))
    return np.stack(bodies)


def nw_ucla_bodies(folder):
    paths = sorted(folder.rglob("*.json"))[::10]
    return np.concatenate([json.loads(path.read_text())["skeletons"] for path in paths])


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real skeletons")
def test_real_skeletons_have_this_layout(name, layout):
    folder = pathlib.Path(os.environ["NRNM_DATA"])
    if name == "kinect_v2":
        bodies = ntu_bodies(folder / "ntu")
    else:
        bodies = nw_ucla_bodies(folder / "NW-UCLA")
    assert bodies.shape[1:] == (layout.num_joints, 3)
    lengths = np.linalg.norm(bodies - bodies[:, layout.parents], axis=-1)
    for joint, length in enumerate(layout.bone_lengths):
        both = lengths[:, [joint, layout.mirrored[joint]]]
        assert abs(np.median(both) - length) < 0.006
    # Left is the person's own left, in the axes of the Kinect.
    joint = {joint: bodies[:, n] for n, joint in enumerate(layout.joint_names)}
    up = bodies[:, layout.left_shoulder] - joint["left_hip"]
    forward = joint["left_foot"] - joint["left_ankle"] + joint["right_foot"] - joint["right_ankle"]
    left = joint["left_shoulder"] - joint["right_shoulder"]
    assert np.mean(np.sum(np.cross(up, forward) * left, axis=-1) > 0) > 0.9

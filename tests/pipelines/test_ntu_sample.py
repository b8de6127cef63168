import itertools

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.builder import NtuRgbd
from pipelines.ntu_rgbd.samples import ACTIONS as NTU_ACTIONS
from pipelines.ntu_rgbd.samples import SPLITS, parse_name
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.ntu_sample import motions
from pipelines.ntu_sample.body import BONES, Angles, pose, turned
from pipelines.ntu_sample.builder import NtuSample
from pipelines.ntu_sample.generate import (
    ACTIONS,
    MAX_SAMPLES,
    generate,
    generate_files,
    record,
    sample_names,
)

# Joints of the Kinect v2, counted from 0, as the documentation of its SDK numbers them.
SPINE_BASE, HEAD, SHOULDER_LEFT, ELBOW_LEFT, WRIST_LEFT, HAND_LEFT = 0, 3, 4, 5, 6, 7
SHOULDER_RIGHT, HAND_RIGHT, KNEE_RIGHT, FOOT_LEFT, FOOT_RIGHT = 8, 11, 17, 15, 19
LEFT = [4, 5, 6, 7, 12, 13, 14, 15, 21, 22]
RIGHT = [8, 9, 10, 11, 16, 17, 18, 19, 23, 24]
TIME = np.linspace(0, 1, 61)


@pytest.fixture(scope="module")
def recordings():
    return dict(generate(120, seed=3))


def joints_of(motion, strength=1.0):
    """The joints of a motion, on the floor and moving forward, that is along z."""
    does = motion(TIME, strength)
    joints = pose(does.angles, frames=len(TIME))
    joints[..., 1] += np.reshape(does.lift, (-1, 1))
    joints[..., 2] += np.reshape(does.forward, (-1, 1))
    return joints


def bone_lengths(joints):
    return np.stack(
        [np.linalg.norm(joints[:, b.joint] - joints[:, b.parent], axis=-1) for b in BONES.values()]
    )


def bodies(body_frames):
    """Joints and frames of each body, by id."""
    ids = np.unique(body_frames.body_id)
    masks = {int(number): body_frames.body_id == number for number in ids}
    return {n: (body_frames.joints[m], body_frames.frame[m]) for n, m in masks.items()}


def test_rest_pose_is_an_upright_symmetric_body():
    (joints,) = pose({})

    assert len({bone.joint for bone in BONES.values()} | {SPINE_BASE}) == 25
    np.testing.assert_allclose(joints[RIGHT], joints[LEFT] * (-1, 1, 1), atol=1e-12)
    assert (joints[LEFT, 0] > 0).all()
    assert joints[[FOOT_LEFT, FOOT_RIGHT], 1] == pytest.approx(0)
    assert joints[:, 1].argmax() == HEAD
    assert 1.3 < joints[HEAD, 1] < 1.7
    assert joints[HAND_LEFT, 1] < joints[SPINE_BASE, 1]
    assert joints[FOOT_LEFT, 2] > joints[14, 2]  # toes point forward


def test_joints_bend_the_way_they_are_said_to():
    (rest,) = pose({})

    def moved(joint, **angles):
        return pose({bone: angle for bone, angle in angles.items()})[0][joint] - rest[joint]

    right_angle = np.pi / 2
    (joints,) = pose({"forearm_left": Angles(right_angle)})
    forearm = joints[WRIST_LEFT] - joints[ELBOW_LEFT]
    np.testing.assert_allclose(forearm, (0, 0, np.linalg.norm(forearm)), atol=1e-12)
    (joints,) = pose({"upper_arm_right": Angles(abduction=right_angle)})
    arm = joints[HAND_RIGHT] - joints[SHOULDER_RIGHT]
    assert arm[0] < -0.4 and abs(arm[2]) < 1e-12
    assert moved(HEAD, spine=Angles(0.5))[2] > 0.1
    assert moved(HEAD, spine=Angles(abduction=0.5))[0] < -0.1
    assert moved(SHOULDER_RIGHT, chest=Angles(twist=0.5))[2] > 0.05
    knee = pose({"thigh_right": Angles(right_angle), "shin_right": Angles(right_angle)})[0]
    assert knee[KNEE_RIGHT][2] > knee[16][2] + 0.3
    assert knee[18][1] < knee[KNEE_RIGHT][1] - 0.3


@given(st.lists(st.floats(-3, 3), min_size=3 * len(BONES), max_size=3 * len(BONES)))
@settings(deadline=None, max_examples=50)
def test_any_pose_keeps_the_bones_and_the_floor_and_has_its_mirror_image(numbers):
    angles = {
        name: Angles(*numbers[3 * n : 3 * n + 3])
        for n, name in enumerate(BONES)
        if BONES[name].side
    }
    swap = {"left": "right", "right": "left"}
    mirrored = {"_".join([*n.split("_")[:-1], swap[n.split("_")[-1]]]): angles[n] for n in angles}

    joints = pose(angles)

    np.testing.assert_allclose(bone_lengths(joints), bone_lengths(pose({})), atol=1e-9)
    np.testing.assert_allclose(joints[0, [14, 15, 18, 19], 1].min(), 0, atol=1e-9)
    image = pose(mirrored) * (-1, 1, 1)
    np.testing.assert_allclose(image[0, LEFT], joints[0, RIGHT], atol=1e-9)


def test_turning_is_to_the_left():
    joints = turned(pose({}), np.pi / 2)

    toes = joints[0, FOOT_LEFT] - joints[0, 14]
    assert toes[0] > 0.05 and abs(toes[2]) < 1e-9


def test_motions_do_what_they_are_called():
    start, middle, end = 0, 30, 60
    seated = joints_of(motions.sit_down)
    assert seated[end, SPINE_BASE, 1] < 0.7 * seated[start, SPINE_BASE, 1]
    assert seated[end, SPINE_BASE, 2] < seated[start, SPINE_BASE, 2] - 0.2
    picked = joints_of(motions.pick_up)
    assert picked[middle, HAND_RIGHT, 1] < picked[middle, KNEE_RIGHT, 1]
    np.testing.assert_allclose(picked[start], picked[end], atol=1e-9)
    hat = joints_of(motions.put_on_hat)
    to_head = np.linalg.norm(hat[:, HAND_RIGHT] - hat[:, HEAD], axis=-1)
    assert to_head.min() < 0.2 < 0.4 < to_head[start] < to_head[end]
    waving = joints_of(motions.wave)[15:50]
    assert (waving[:, HAND_RIGHT, 1] > waving[:, SHOULDER_RIGHT, 1]).all()
    swings = np.sign(np.diff(waving[:, HAND_RIGHT, 0]))
    assert 4 <= np.count_nonzero(np.diff(swings)) <= 10
    kicked = joints_of(motions.kick)
    assert kicked[:, FOOT_RIGHT, 1].max() > 0.4
    assert kicked[:, FOOT_LEFT, 1].max() < 0.05
    jumped = joints_of(motions.jump)
    feet = jumped[:, [FOOT_LEFT, FOOT_RIGHT, 14, 18], 1].min(axis=1)
    assert feet.max() == pytest.approx(0.35, abs=0.02)
    assert feet[start] == feet[end] == pytest.approx(0)
    punched = joints_of(motions.punch)
    assert punched[:, HAND_RIGHT, 2].max() > 0.6
    assert joints_of(motions.recoil)[:, HEAD, 2].min() < -0.3


@pytest.mark.parametrize(
    ("motion", "reverse"),
    [(motions.sit_down, motions.stand_up), (motions.put_on_hat, motions.take_off_hat)],
)
def test_only_the_order_of_the_frames_tells_a_pair_apart(motion, reverse):
    np.testing.assert_allclose(joints_of(motion), joints_of(reverse)[::-1], atol=1e-12)
    assert np.abs(joints_of(motion) - joints_of(reverse)).max() > 0.3


def test_names_are_legal_and_unique_and_actions_take_turns(recordings):
    samples = [parse_name(name) for name in recordings]

    assert len(set(samples)) == 120
    assert [sample.action for sample in samples] == list(ACTIONS) * 10
    assert [NTU_ACTIONS[action - 1] for action in ACTIONS][:3] == [
        "pick up",
        "sit down",
        "stand up",
    ]
    for split in SPLITS["ntu60"].values():
        assert 20 < sum(split.is_training(sample) for sample in samples) < 100
    assert len(set(sample_names(MAX_SAMPLES))) == MAX_SAMPLES == 12 * 17 * 3 * 40 * 2


def test_same_seed_gives_the_same_and_fewer_are_the_first():
    def texts(num_samples, seed):
        return [(name, str(list(frames))) for name, frames in generate(num_samples, seed)]

    assert texts(5, 1) == texts(9, 1)[:5]
    assert not {name for name, _ in texts(5, 1)} & {name for name, _ in texts(5, 2)}
    name = sample_names(1, 1)[0]
    assert not np.array_equal(record(name, 1).joints[:20], record(name, 2).joints[:20])


def test_recordings_are_of_real_size_and_place(recordings):
    for name, frames in recordings.items():
        assert 25 <= frames.num_frames <= 120
        assert frames.joints.shape == (len(frames.frame), 25, 3)
        assert frames.joints.dtype == np.float32
        assert np.isfinite(frames.joints).all()
        x, y, z = np.moveaxis(frames.joints, -1, 0)
        assert 0.5 < z.min() and z.max() < 8, name
        assert np.abs(x).max() < 3.5 and np.abs(y).max() < 3
        whole = (frames.tracking_state == 2).all(axis=-1)
        lengths = bone_lengths(frames.joints[whole])
        expected = bone_lengths(pose({}))
        assert (np.abs(lengths - expected) < 0.3 * expected + 0.03).all()


def test_cameras_see_the_subject_from_where_they_stand():
    def shoulders(name):
        joints = record(name).joints
        assert (joints[:, HEAD, 1] > joints[:, SPINE_BASE, 1] + 0.3).all()
        return (joints[:, SHOULDER_RIGHT] - joints[:, SHOULDER_LEFT]).mean(axis=0)

    # Somebody who looks into the camera has the right hand where its x, to its left, is larger.
    front, side = shoulders("S001C002P001R001A023"), shoulders("S001C003P001R001A023")
    assert front[0] > 0.2 > abs(front[2])
    assert abs(side[0]) < 0.2 < abs(side[2])
    assert shoulders("S001C003P001R002A023")[0] > 0.2


def test_subjects_differ_and_stay_the_same():
    def lengths(name, seed):
        frames = record(name, seed)
        first = frames.body_id == frames.body_id.min()
        tracked = frames.tracking_state[first] == 2
        both_ends = np.stack([tracked[:, b.joint] & tracked[:, b.parent] for b in BONES.values()])
        return np.ma.array(bone_lengths(frames.joints[first]), mask=~both_ends).mean(axis=1)

    one, again = lengths("S001C001P004R001A006", 0), lengths("S009C003P004R002A023", 5)
    other = lengths("S001C001P005R001A006", 0)
    assert np.abs(one - again).mean() < 0.002 < 0.005 < np.abs(one - other).mean()


def test_recordings_have_what_real_ones_have(recordings):
    counts, gaps, empty, inferred = [], 0, 0, 0
    for frames in recordings.values():
        people = bodies(frames)
        counts.append(len(people))
        gaps += any((np.diff(when) > 1).any() for _, when in people.values())
        empty += len(np.unique(frames.frame)) < frames.num_frames
        inferred += (frames.tracking_state == 1).any()
        assert min(people) > 2**56
        assert max(people) - min(people) == len(people) - 1
        assert (np.diff(frames.frame) >= 0).all()
    doing = [len(ACTIONS[parse_name(name).action]) for name in recordings]
    assert {1, 2} == set(doing)
    assert all(count >= needed for count, needed in zip(counts, doing, strict=True))
    assert max(counts) > 2
    assert min(gaps, empty) >= 5
    assert inferred >= 20


@pytest.mark.parametrize(("action", "sign"), [(59, -1), (60, 1)])
def test_two_walk_towards_each_other_or_apart(recordings, action, sign):
    for name, frames in recordings.items():
        if parse_name(name).action == action:
            # The two who act come first; bystanders have the higher ids.
            (first, when), (second, also) = list(bodies(frames).values())[:2]
            both = np.intersect1d(when, also)
            between = first[np.isin(when, both), 0] - second[np.isin(also, both), 0]
            distance = np.linalg.norm(between, axis=-1)
            assert sign * (distance[-1] - distance[0]) > 1.5
            assert distance.min() > 0.4


def test_files_read_back_as_they_were_generated(tmp_path):
    paths = generate_files(tmp_path / "new" / "folder", 12, seed=1)

    assert [path.stem for path in paths] == sample_names(12, seed=1)
    for path, (_, expected) in zip(paths, generate(12, seed=1), strict=True):
        found = read_skeleton(path.read_bytes(), path.name)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def read_records(builder):
    builder.download_and_prepare()
    builder = tfds.builder_from_directory(builder.data_dir)
    label = builder.info.features["label"]
    for example in builder.as_dataset(split="all").as_numpy_iterator():
        yield {**example, "label": label.int2str(example["label"])}


def test_build_is_that_of_the_files(tmp_path):
    generate_files(tmp_path / "files", 15, seed=2)

    found = list(read_records(NtuSample(num_samples=15, seed=2, data_dir=tmp_path)))
    expected = list(read_records(NtuRgbd(source=str(tmp_path / "files"), data_dir=tmp_path)))

    assert sorted(r["name"] for r in found) == [n.encode() for n in sorted(sample_names(15, 2))]
    for one, other in itertools.zip_longest(found, expected):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_build_has_the_twelve_classes_and_no_warnings(tmp_path):
    builder = NtuSample(num_samples=12, data_dir=tmp_path)
    builder.download_and_prepare()

    names = builder.info.features["label"].names
    assert names == [NTU_ACTIONS[action - 1] for action in ACTIONS]
    assert builder.label_counts("samples") == dict.fromkeys(range(12), 1)
    assert builder.warnings() == []
    others = NtuSample(num_samples=12, seed=1, data_dir=tmp_path)
    assert builder.data_dir != others.data_dir
    assert not others.is_prepared()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "num_samples=0; expected 1 to 48960"),
        ({"num_samples": 48_961}, "num_samples=48961; expected 1 to 48960"),
        ({"seed": -1}, "seed=-1; expected at least 0"),
    ],
)
def test_wrong_numbers_are_named(tmp_path, options, message):
    with pytest.raises(SourceError, match=message):
        NtuSample(data_dir=tmp_path, **options)
    with pytest.raises(SourceError, match=message):
        next(generate(**{"num_samples": 1, **options}))

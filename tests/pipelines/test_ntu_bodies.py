import os
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ntu_rgbd.bodies import author_bodies, track_bodies
from pipelines.ntu_rgbd.skeleton_file import BodyFrames, read_skeleton


def frames(*bodies_per_frame):
    """Body frames from (id, position) per body: all joints at x = position, y = 1, z = 2."""
    bodies = [
        (frame, body_id, position)
        for frame, bodies in enumerate(bodies_per_frame)
        for body_id, position in bodies
    ]
    joints = np.zeros((len(bodies), 25, 3), np.float32)
    joints[...] = [0, 1, 2]
    joints[:, :, 0] = np.array([position for *_, position in bodies]).reshape(-1, 1)
    return BodyFrames(
        len(bodies_per_frame),
        np.array([frame for frame, *_ in bodies], np.int32),
        np.array([body_id for _, body_id, _ in bodies], np.int64),
        joints,
        np.full((len(bodies), 25), 2, np.uint8),
    )


def positions(bodies):
    """The x of each slot's first joint, None where no body is present."""
    return [
        [float(x) if present else None for x, present in zip(xs, presence, strict=True)]
        for xs, presence in zip(bodies.joints[:, :, 0, 0].T, bodies.presence.T, strict=True)
    ]


def test_one_body_leaves_the_second_slot_empty():
    body_frames = frames([(7, 0)], [(7, 1)], [(7, 2)])
    body_frames.tracking_state[1, 3] = 1
    bodies = track_bodies(body_frames)

    np.testing.assert_array_equal(bodies.joints[:, 0], body_frames.joints)
    np.testing.assert_array_equal(bodies.tracking_state[:, 0], body_frames.tracking_state)
    assert bodies.presence.tolist() == [[True, False]] * 3
    assert not bodies.joints[:, 1].any()
    assert not bodies.tracking_state[:, 1].any()
    assert [value.dtype for value in bodies] == [np.float32, np.bool_, np.uint8]
    assert [value.shape for value in bodies] == [(3, 2, 25, 3), (3, 2), (3, 2, 25)]


@pytest.mark.parametrize("prepare", [track_bodies, author_bodies])
@pytest.mark.parametrize("num_frames", [0, 3])
def test_no_body_at_all(prepare, num_frames):
    bodies = prepare(frames(*[[]] * num_frames))

    assert bodies.joints.shape == (num_frames, 2, 25, 3)
    assert not bodies.presence.any()


def test_body_is_followed_when_its_place_in_the_frame_changes():
    bodies = track_bodies(frames([(1, 0), (2, 5)], [(2, 6), (1, 3)], [(1, 9), (2, 7)]))

    assert positions(bodies) == [[0, 3, 9], [5, 6, 7]]


def test_body_that_leaves_and_comes_back_leaves_a_gap():
    bodies = track_bodies(frames([(1, 1)], [], [(2, 8)], [(1, 4)]))

    assert positions(bodies) == [[1, None, None, 4], [None, None, 8, None]]
    assert not bodies.joints[~bodies.presence].any()
    assert not bodies.tracking_state[~bodies.presence].any()


def test_neighboring_ids_are_two_bodies():
    ids = [2**56, 2**56 + 1]  # equal as floats
    bodies = track_bodies(frames(*[[(ids[0], 0), (ids[1], time)] for time in range(3)]))

    assert positions(bodies) == [[0, 1, 2], [0, 0, 0]]


def test_two_bodies_with_the_most_motion():
    still, slow, fast = [(3, 9)], [(2, 0.5), (2, 1)], [(1, 4), (1, 2)]
    bodies = track_bodies(frames([*still, slow[0], fast[0]], [*still, slow[1], fast[1]]))

    assert positions(bodies) == [[4, 2], [0.5, 1]]


def test_motion_is_variance_times_frames():
    # 25 joints x 4 frames x variance 1 = 100 against 25 joints x 2 frames x variance 2.25 = 112.5;
    # with variance 1.96 it is 98.
    long = [(1, 0), (1, 2), (1, 0), (1, 2)]
    for far, first in ((3, 2), (2.8, 1)):
        short = [(2, 0), (2, far)]
        both = [[long[0], short[0]], [long[1], short[1]], [long[2]], [long[3]]]
        slots = positions(track_bodies(frames(*both)))
        assert slots[0] == ([0, 2, 0, 2] if first == 1 else [0, far, None, None])


def test_equal_motion_keeps_the_order_of_the_file():
    at_rest = [[(body_id, body_id / 3) for body_id in (5, 9, 1)]] * 7
    slots = positions(track_bodies(frames(*at_rest)))

    assert slots == [[float(np.float32(5 / 3))] * 7, [3.0] * 7]


def test_body_seen_once_has_no_motion():
    bodies = track_bodies(frames([(1, 50)], [(2, 0), (3, 0)], [(2, 0.1), (3, 0.2)]))

    assert positions(bodies)[0] == [None, 0, float(np.float32(0.2))]
    assert positions(bodies)[1] == [None, 0, float(np.float32(0.1))]


def test_nan_is_kept_and_does_not_count_as_motion():
    body_frames = frames(*[[(1, 0), (2, time)] for time in range(3)])
    body_frames.joints[0::2, 3] = np.nan
    body_frames.joints[2, :, 1] = np.nan
    bodies = track_bodies(body_frames)

    assert positions(bodies) == [[0, 1, 2], [0, 0, 0]]
    np.testing.assert_array_equal(bodies.joints[:, 1], body_frames.joints[0::2])


def test_id_twice_in_a_frame_is_two_bodies():
    bodies = track_bodies(frames([(1, 0), (1, 7)], [(1, 5)], [(1, 1), (1, 8)]))

    assert positions(bodies) == [[0, 5, 1], [7, None, 8]]


def test_authors_take_the_place_in_the_frame_for_the_body():
    body_frames = frames([(1, 0), (2, 5)], [(2, 6)], [(3, 2), (4, 5.5)])
    body_frames.tracking_state[2] = 1
    bodies = author_bodies(body_frames)

    assert positions(bodies) == [[0, 6, 2], [5, None, 5.5]]
    assert bodies.tracking_state[:, 0, 0].tolist() == [2, 1, 2]


def test_authors_keep_two_of_four_places_by_energy():
    steps = [[(1, 0), (2, 4 * time), (3, 2 * time), (4, 0), (5, 99 * time)] for time in range(3)]

    assert positions(author_bodies(frames(*steps))) == [[0, 4, 8], [0, 2, 4]]


def test_authors_energy_leaves_out_frames_that_are_zero():
    body_frames = frames(*[[(1, time), (2, 3 + time / 2)] for time in range(3)])
    body_frames.joints[5] = 0  # with this frame it would be the more energetic
    bodies = author_bodies(body_frames)

    assert positions(bodies)[0] == [0, 1, 2]


def test_authors_take_the_first_hundred_frames_after_choosing():
    steps = [[(1, time), (2, 0 if time < 100 else 9 * time)] for time in range(130)]
    steps[10] = []
    first, second = positions(author_bodies(frames(*steps)))

    assert first == [0.0] * 10 + [None] + [0.0] * 89
    assert second == [float(time) if time != 10 else None for time in range(100)]


def original_preparation(body_frames):
    """The preparation as its description has it: frame by frame into four places."""
    places = np.zeros((4, body_frames.num_frames, 25, 3))
    filled = [0] * body_frames.num_frames
    for frame, joints in zip(body_frames.frame, body_frames.joints, strict=True):
        if filled[frame] < 4:
            places[filled[frame], frame] = joints
        filled[frame] += 1
    energy = []
    for place in places:
        seen = [joints for joints in place if joints.sum() != 0]
        energy.append(sum(np.std([joints[:, axis] for joints in seen] or [0]) for axis in range(3)))
    best = sorted(range(4), key=lambda place: (-energy[place], place))[:2]
    return places[best].transpose(1, 0, 2, 3)[:100]


def tracked_naively(body_frames):
    """Each id's frames in a dictionary, ordered by the sum of variances times frames."""
    tracks = {}
    for frame, body_id, joints in zip(*body_frames[1:4], strict=True):
        tracks.setdefault(int(body_id), {})[int(frame)] = joints.astype(np.float64)
    motion = {
        body_id: np.var(list(track.values()), axis=0).sum() * len(track)
        for body_id, track in tracks.items()
    }
    joints = np.zeros((body_frames.num_frames, 2, 25, 3))
    for slot, body_id in enumerate(sorted(tracks, key=lambda body_id: -motion[body_id])[:2]):
        for frame, position in tracks[body_id].items():
            joints[frame, slot] = position
    return joints


@st.composite
def random_frames(draw):
    """Bodies of up to six ids that come and go, each frame's in any order."""
    seen = draw(st.lists(st.lists(st.integers(1, 6), unique=True, max_size=6), max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    body_frames = frames(*[[(2**56 + body_id, 0) for body_id in ids] for ids in seen])
    body_frames.joints[...] = rng.normal(size=body_frames.joints.shape)
    body_frames.tracking_state[...] = rng.integers(3, size=body_frames.tracking_state.shape)
    return body_frames


@settings(deadline=None)
@given(random_frames())
def test_random_bodies(body_frames):
    ties = len(set(body_frames.body_id.tolist())) > 2  # bodies seen once have no motion, exactly
    if not ties or min(np.unique(body_frames.body_id, return_counts=True)[1]) > 1:
        np.testing.assert_array_equal(
            track_bodies(body_frames).joints, tracked_naively(body_frames).astype(np.float32)
        )
    np.testing.assert_array_equal(
        author_bodies(body_frames).joints, original_preparation(body_frames).astype(np.float32)
    )


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real files")
def test_real_files():
    folder = pathlib.Path(os.environ["NRNM_DATA"], "ntu")
    for path in sorted(folder.glob("*.skeleton")):
        body_frames = read_skeleton(path.read_bytes(), path.name)
        bodies = track_bodies(body_frames)

        np.testing.assert_array_equal(bodies.joints, tracked_naively(body_frames))
        assert bodies.presence.all(0).tolist() == [True, "A050" in path.name]
        np.testing.assert_array_equal(
            author_bodies(body_frames).joints, original_preparation(body_frames)
        )

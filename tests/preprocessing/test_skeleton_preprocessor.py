import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import LAYOUTS, SkeletonPreprocessor

V1 = LAYOUTS["kinect_v1"]
BASE, SPINE, RIGHT, LEFT = V1.spine_base, V1.spine, V1.right_shoulder, V1.left_shoulder
PLAIN = {"layout": "kinect_v1", "center": "none", "view": "none"}


def people(batch_size=3, frames=20, bodies=2, layout="kinect_v1", seed=0):
    """Random joints some metres in front of the camera."""
    shape = (batch_size, frames, bodies, LAYOUTS[layout].num_joints, 3)
    joints = np.random.default_rng(seed).normal(size=shape, scale=0.4) + (0.3, -0.2, 3.0)
    return joints.astype("f4")


def people_with_gaps():
    """The first: padding. The second: one body, gaps, a late start. The third: nobody."""
    joints = people()
    joints[0, 13:] = 0
    joints[0, 4:7, 0] = 0
    joints[1, :, 1] = 0
    joints[1, :3] = 0
    joints[1, 9, 0, 5, 1] = np.nan
    joints[1, 11, 0, 5, 1] = np.inf
    joints[2] = 0
    return joints


def constant_bodies(values):
    """One sequence whose bodies have all coordinates equal: `values`, `(frames, bodies)`."""
    values = np.array(values, "f4")
    return np.tile(values[None, :, :, None, None], (1, 1, 1, V1.num_joints, 3))


def process(joints, layout="kinect_v1", **arguments):
    """Features `(batch, timesteps, parts, bodies, joints, 3)` and the mask."""
    features = SkeletonPreprocessor(layout, **arguments)(joints)
    mask = keras.ops.convert_to_numpy(features._keras_mask)
    features = keras.ops.convert_to_numpy(features)
    return features.reshape(*features.shape[:2], -1, *joints.shape[2:]), mask


def values_of(joints, **arguments):
    """What `constant_bodies` becomes: `(timesteps, bodies)`, and the mask `(timesteps,)`."""
    features, mask = process(joints, **{**PLAIN, **arguments})
    assert (features == features[..., :1, :1]).all()
    return features[0, :, 0, :, 0, 0].tolist(), mask[0].tolist()


def random_rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def turned(degrees, axis):
    """The rotation matrix about one axis, counterclockwise seen from its tip."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = {0: (1, 2), 1: (2, 0), 2: (0, 1)}[axis]
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    return matrix


class TestLength:
    def test_resampled_between_the_first_and_the_last_valid_frame(self):
        joints = constant_bodies([[1], [3], [7], [0], [0]])
        for timesteps, expected in [(5, [1, 2, 3, 5, 7]), (3, [1, 3, 7]), (2, [1, 7]), (1, [1])]:
            values, mask = values_of(joints, timesteps=timesteps)
            assert values == [[value] for value in expected]
            assert all(mask)

    def test_as_many_steps_as_valid_frames_are_the_frames(self):
        joints = people(frames=37)
        joints[0, 31:] = 0
        features, mask = process(joints, **{**PLAIN, "timesteps": 31})
        np.testing.assert_array_equal(features[0, :, 0], joints[0, :31])
        assert mask.all()

    def test_one_valid_frame_lasts(self):
        values, mask = values_of(constant_bodies([[2], [0]]), timesteps=3)
        assert values == [[2], [2], [2]] and all(mask)

    def test_steps_next_to_a_missing_body_miss_it(self):
        joints = constant_bodies([[1, 5], [2, 0], [3, 0], [4, 8]])
        values, mask = values_of(joints, timesteps=7)
        expected = [[1, 5], [1.5, 0], [2, 0], [2.5, 0], [3, 0], [3.5, 0], [4, 8]]
        np.testing.assert_allclose(values, expected, rtol=1e-6)
        assert all(mask)

    def test_frames_without_a_body_are_time_and_padding_is_not(self):
        joints = constant_bodies([[0], [0], [4], [0], [6], [0], [0]])
        values, mask = values_of(joints, timesteps=5)
        assert values == [[0], [0], [4], [0], [6]]
        assert mask == [False, False, True, False, True]

    def test_a_body_with_any_number_not_finite_is_missing(self):
        joints = constant_bodies([[1, 5], [2, 6], [3, 7], [4, 8]])
        joints[0, 1, 1, 3, 2] = np.nan
        joints[0, 2, 0] = -np.inf
        joints[0, 3] = np.nan
        values, mask = values_of(joints, timesteps=3)
        assert values == [[1, 5], [2, 0], [0, 7]] and all(mask)

    def test_a_body_with_one_joint_at_the_origin_is_present(self):
        joints = constant_bodies([[1], [1]])
        joints[0, 0, 0, 4] = 0
        features, mask = process(joints, **{**PLAIN, "timesteps": 2})
        np.testing.assert_array_equal(features[:, :, 0], joints)
        assert mask.all()

    @pytest.mark.parametrize(
        ("length", "timesteps", "expected"),
        [
            ("first", 3, [1, 2, 3]),
            ("central", 3, [2, 3, 4]),
            ("central", 2, [2, 3]),
            ("first", 7, [1, 2, 3, 4, 5, 0, 0]),
            ("central", 7, [1, 2, 3, 4, 5, 0, 0]),
        ],
    )
    def test_cropped(self, length, timesteps, expected):
        joints = constant_bodies([[1], [2], [3], [4], [5], [0]])
        values, mask = values_of(joints, length=length, timesteps=timesteps)
        assert values == [[value] for value in expected]
        assert mask == [value > 0 for value in expected]

    @pytest.mark.parametrize("length", ["resample", "first", "central"])
    def test_padding_changes_nothing(self, length):
        joints = people_with_gaps()
        padded = np.concatenate([joints, np.zeros_like(joints), joints[:, :3] * np.nan], axis=1)
        arguments = {"timesteps": 15, "length": length, "velocity": True, "bones": True}
        for expected, actual in zip(
            process(joints, **arguments), process(padded, **arguments), strict=True
        ):
            np.testing.assert_array_equal(actual, expected)


class TestFill:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ([1, 2, 3, 0, 0, 0, 0, 0], [1, 2, 3, 1, 2, 3, 1, 2]),
            ([1, 0, 3, 0, 0, 0, 0, 0], [1, 0, 3, 1, 0, 3, 1, 0]),  # a gap stays a gap,
            ([0, 0, 3, 0, 5, 0, 0, 0], [3, 5, 3, 5, 3, 5, 3, 5]),  # but after a late start
            ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
            ([0, 0, 0, 0, 0, 0, 0, 9], [9, 9, 9, 9, 9, 9, 9, 9]),
            ([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]),
        ],
    )
    def test_each_body_repeats_its_own_steps(self, body, expected):
        other = [6, 7, 0, 0, 0, 0, 0, 0]
        joints = constant_bodies(np.transpose([other, body]))
        values, mask = values_of(joints, timesteps=8, length="first", fill="repeat")
        assert np.transpose(values).tolist() == [[6, 7] * 4, expected]
        assert all(mask)

    def test_mask_is_false_where_no_body_was_filled(self):
        joints = constant_bodies([[1], [0], [3], [0]])
        _, mask = values_of(joints, timesteps=5, length="first", fill="repeat")
        assert mask == [True, False, True, True, False]


class TestBoneLengths:
    def test_bones_keep_their_directions_and_get_the_lengths_of_the_layout(self):
        joints = people(frames=6)
        arguments = {**PLAIN, "timesteps": 6, "reference_bone_lengths": True}
        rebuilt = process(joints, **arguments)[0][:, :, 0]
        np.testing.assert_array_equal(rebuilt[..., 0, :], joints[..., 0, :])
        before, after = (x - x[..., V1.parents, :] for x in (joints.astype("f8"), rebuilt))
        lengths = np.linalg.norm(before, axis=-1, keepdims=True)
        expected = before / np.maximum(lengths, 1e-9) * np.array(V1.bone_lengths)[:, None]
        np.testing.assert_allclose(after, expected, atol=1e-6)

    def test_by_hand(self):
        joints = np.ones((1, 1, 1, 20, 3), "f4")  # all bones without a direction,
        joints[0, 0, 0, [2, 4, 5]] = [[1, 3, 1], [4, 7, 1], [4, 7, -5]]  # but 1-2-4-5
        rebuilt = process(joints, **PLAIN, timesteps=1, reference_bone_lengths=True)[0][0, 0, 0, 0]
        expected = np.ones((20, 3))
        expected[2] += (0, 0.335, 0)
        expected[4] = expected[2] + np.array([0.6, 0.8, 0]) * 0.191
        expected[5] = expected[4] + (0, 0, -0.251)
        expected[6:8] = expected[5]  # on from the elbow, with bones of no length
        # The head and the right arm still point back to where the spine ended.
        back = np.array([0, -1, 0])
        expected[3] = expected[2] + 0.185 * back
        expected[8:12] = expected[2] + 0.191 * back
        back = np.array([-3, -6, 6]) / 9  # from the left elbow
        expected[6:8] = expected[5] + 0.236 * back
        np.testing.assert_allclose(rebuilt, expected, atol=1e-6)

    def test_missing_bodies_stay_missing(self):
        features, _ = process(people_with_gaps(), reference_bone_lengths=True, length="first")
        assert np.isfinite(features).all()
        assert not features[0, 4:7, :, 0].any() and not features[2].any()


class TestCentre:
    def test_every_frame(self):
        joints = people(frames=8)
        features, _ = process(joints, view="none", timesteps=8)
        np.testing.assert_allclose(features[:, :, 0], joints - joints[:, :, :1, [SPINE]], atol=1e-6)

    def test_first_frame_keeps_the_way_through_the_room(self):
        joints = people(frames=8)
        features, _ = process(joints, view="none", timesteps=8, center="first_frame")
        expected = joints - joints[:, :1, :1, [SPINE]]
        np.testing.assert_allclose(features[:, :, 0], expected, atol=1e-6)

    def test_where_the_main_body_is_missing_it_stays_where_it_was(self):
        joints = constant_bodies([[0, 10], [1, 20], [0, 30], [0, 40], [5, 50]])
        values, _ = values_of(joints, timesteps=5, center="every_frame")
        assert values == [[0, 9], [0, 19], [0, 29], [0, 39], [0, 45]]
        values, _ = values_of(joints, timesteps=5, center="first_frame")
        assert values == [[0, 9], [0, 19], [0, 29], [0, 39], [4, 49]]

    def test_main_body_is_the_first_that_is_there_at_all(self):
        joints = constant_bodies([[0, 10, 7], [0, 20, 9]])
        values, _ = values_of(joints, timesteps=2, center="every_frame")
        assert values == [[0, 0, -3], [0, 0, -11]]

    def test_a_body_at_the_origin_of_the_features_is_no_missing_one(self):
        values, mask = values_of(constant_bodies([[3], [3]]), timesteps=2, center="every_frame")
        assert values == [[0], [0]] and all(mask)


def standing():
    """One frame of a person who faces the camera, with right at negative x."""
    joints = np.zeros((1, 1, 1, 20, 3), "f4") + np.array([0.5, 0.25, 3], "f4")
    body = joints[0, 0, 0]
    body[SPINE] += (0, 0.5, 0)
    body[RIGHT] += (0.25, 1, 0)  # x points to the camera's left, which is the person's right
    body[LEFT] += (-0.25, 1, 0)
    body[15] += (0, 0, -0.25)  # left foot
    return joints


class TestView:
    def test_a_person_facing_the_camera(self):
        for view in ("full", "vertical", "two_rotations"):
            body = process(standing(), view=view, timesteps=1)[0][0, 0, 0, 0]
            np.testing.assert_allclose(body[SPINE], 0, atol=1e-6)
            np.testing.assert_allclose(body[BASE], (0, 0, -0.5), atol=1e-6)
            np.testing.assert_allclose(body[RIGHT], (0.25, 0, 0.5), atol=1e-6)
            np.testing.assert_allclose(body[LEFT], (-0.25, 0, 0.5), atol=1e-6)
            np.testing.assert_allclose(body[15], (0, 0.25, -0.5), atol=1e-6)  # forward is y

    def test_full_puts_the_spine_on_z_and_the_shoulders_in_the_plane_of_x_and_z(self):
        body = process(people(50), timesteps=9)[0][:, 0, 0, 0]
        spine = body[:, SPINE] - body[:, BASE]
        right = body[:, RIGHT] - body[:, LEFT]
        np.testing.assert_allclose(spine[:, :2], 0, atol=1e-6)
        assert (spine[:, 2] > 0).all()
        np.testing.assert_allclose(right[:, 1], 0, atol=1e-6)
        assert (right[:, 0] > 0).all()

    @pytest.mark.parametrize("view", ["full", "vertical", "two_rotations"])
    def test_is_one_rotation_of_the_whole_sequence(self, view):
        joints = people(5, frames=9)
        before = process(joints, view="none", timesteps=9)[0][:, :, 0].reshape(5, -1, 3)
        after = process(joints, view=view, timesteps=9)[0][:, :, 0].reshape(5, -1, 3)
        for a, b in zip(before, after, strict=True):
            matrix = np.linalg.lstsq(a, b, rcond=None)[0]
            np.testing.assert_allclose(a @ matrix, b, atol=1e-5)
            np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
            assert np.linalg.det(matrix) > 0  # no mirror image

    @pytest.mark.parametrize("center", ["every_frame", "first_frame"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_rotating_the_raw_skeleton_does_not_change_the_full_view(self, center, layout):
        joints = people(frames=30, layout=layout)
        joints[0, 20:] = 0
        joints[1, 5:9, 0] = 0
        joints[2, :4, 0] = 0
        arguments = {"layout": layout, "center": center, "velocity": True, "bones": True}
        expected = process(joints, **arguments)[0]
        rotations = [random_rotation(seed) for seed in range(5)]
        rotations += [turned(180, axis) for axis in range(3)] + [turned(90, 0)]
        for rotation in rotations:
            rotated = (joints @ rotation.T).astype("f4")
            np.testing.assert_allclose(process(rotated, **arguments)[0], expected, atol=2e-5)

    def test_vertical_is_unchanged_by_turns_about_the_vertical_alone(self):
        joints = people()
        expected = process(joints, view="vertical")[0]
        for degrees in (30, 90, 180, 300):
            rotated = (joints @ turned(degrees, 1).T).astype("f4")
            actual = process(rotated, view="vertical")[0]
            np.testing.assert_allclose(actual, expected, atol=1e-5)
        height = process(joints, view="none")[0][..., 1]
        np.testing.assert_allclose(expected[..., 2], height, atol=1e-6)
        tilted = process((joints @ turned(30, 0).T).astype("f4"), view="vertical")[0]
        assert np.abs(tilted - expected).max() > 0.1

    def test_two_rotations_end_with_the_shoulders_on_x(self):
        joints = people(20)
        actual = process(joints, view="two_rotations", timesteps=20)[0][:, :, 0]
        right = actual[:, 0, 0, RIGHT] - actual[:, 0, 0, LEFT]
        np.testing.assert_allclose(right[:, 1:], 0, atol=1e-6)
        assert (right[:, 0] > 0).all()
        for sequence, result in zip(joints.astype("f8"), actual, strict=True):
            np.testing.assert_allclose(result, by_the_authors_rotations(sequence), atol=1e-5)

    @pytest.mark.parametrize("view", ["full", "vertical", "two_rotations"])
    @pytest.mark.parametrize(
        ("spine", "right"),
        [
            ((0, 0, 0), (0, 0, 0)),
            ((0, 0, 0), (1, 0, 0)),
            ((0, 1, 0), (0, 0, 0)),
            ((0, 1, 0), (0, -1, 0)),
            ((1, 0, 0), (2, 0, 0)),
            ((0, 0, 1), (0, 0, 1)),
            ((0, 0, -1), (1, 0, 0)),
            ((0, 0, 1), (-1, 0, 0)),
            ((0, 0, -1), (-1, 0, 0)),
            ((1e-30, 0, 0), (0, 1e-30, 0)),
        ],
    )
    def test_poses_without_a_direction_are_rotated_somehow(self, view, spine, right):
        joints = standing()
        body = joints[0, 0, 0]
        body[SPINE] = body[BASE] + np.array(spine, "f4")
        body[RIGHT] = body[LEFT] + np.array(right, "f4")
        body[5:8] = body[SPINE] + np.eye(3)
        before = process(joints, view="none", timesteps=1)[0][0, 0, 0, 0]
        after = process(joints, view=view, timesteps=1)[0][0, 0, 0, 0]
        np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-5)
        assert np.linalg.det(after[5:8]) > 0.99  # as before: no mirror image
        if view == "full" and np.abs(spine).max() > 0.1:
            np.testing.assert_allclose(after[SPINE] - after[BASE], (0, 0, 1), atol=1e-6)
        if view == "two_rotations" and np.abs(right).max() > 0.1:
            length = np.abs(right).max()
            np.testing.assert_allclose(after[RIGHT] - after[LEFT], (length, 0, 0), atol=1e-6)

    def test_mirrored_people_have_mirrored_features(self):
        joints = people(frames=10)
        mirrored = joints[..., V1.mirrored, :] * np.array([-1, 1, 1], "f4")
        for view in ("full", "vertical"):
            expected = process(joints, view=view)[0][..., V1.mirrored, :] * (-1, 1, 1)
            np.testing.assert_allclose(process(mirrored, view=view)[0], expected, atol=2e-5)


def rodrigues(axis, angle):
    """The rotation matrix about an axis, by Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def by_the_authors_rotations(joints, layout=V1):
    """Centres `(frames, bodies, joints, 3)`, then the spine to z, then the shoulders to x."""
    present = np.any(joints != 0, axis=(2, 3))[..., None, None]
    joints = (joints - joints[:, :1, [layout.spine]]) * present
    pairs = [(layout.spine_base, layout.spine), (layout.left_shoulder, layout.right_shoulder)]
    for (start, end), target in zip(pairs, np.array([[0, 0, 1], [1, 0, 0]]), strict=True):
        vector = joints[0, 0, end] - joints[0, 0, start]
        angle = np.arccos(vector @ target / np.linalg.norm(vector))
        joints = joints @ rodrigues(np.cross(vector, target), angle).T
    return joints


class TestAuthors:
    def test_steps_of_the_authors(self):
        layout = LAYOUTS["kinect_v2"]
        joints = people(4, frames=120, layout="kinect_v2")
        joints[1, 70:] = 0
        joints[2, :, 1] = 0
        joints[3, :30, 1] = 0
        joints[3, 33:50, 1] = 0
        joints[3, 90:, 0] = 0
        features = SkeletonPreprocessor.authors()(joints)
        assert features._keras_mask.numpy().all()
        expected = joints[:, :100].astype("f8")
        expected[1, 70:] = expected[1, :30]
        late = np.concatenate([joints[3, 30:33, 1], joints[3, 50:100, 1]])
        expected[3, :, 1] = np.concatenate([late, late])[:100]
        expected[3, 90:, 0] = expected[3, :10, 0]
        for sequence, row in zip(expected, features.numpy(), strict=True):
            right = by_the_authors_rotations(sequence, layout).reshape(100, 150)
            np.testing.assert_allclose(row, right, atol=1e-5)

    def test_arguments(self):
        preprocessor = SkeletonPreprocessor.authors("kinect_v1", bones=True, name="steps")
        assert preprocessor.get_config()["length"] == "first"
        assert (preprocessor.name, preprocessor.bones) == ("steps", True)


class TestFeatures:
    def test_velocity_is_zero_where_a_body_was_missing(self):
        joints = constant_bodies([[1, 3], [2, 5], [0, 9], [5, 0], [9, 1]])
        features, _ = process(joints, **PLAIN, timesteps=5, velocity=True)
        assert features.shape == (1, 5, 2, 2, 20, 3)
        np.testing.assert_array_equal(features[:, :, 0], joints)
        velocity = features[0, :, 1, :, 7, 2]
        assert velocity.tolist() == [[0, 0], [1, 2], [0, 4], [0, 0], [4, 0]]

    def test_bones(self):
        joints = people(frames=6)
        joints[1, 3, 1] = 0
        features, _ = process(joints, **PLAIN, timesteps=6, bones=True)
        expected = joints - joints[..., V1.parents, :]
        np.testing.assert_allclose(features[:, :, 1], expected, atol=1e-6)
        assert not features[..., V1.spine_base, :][:, :, 1].any()

    def test_order_of_the_parts(self):
        joints = people(frames=6)
        arguments = {"layout": "kinect_v1", "timesteps": 6}
        all_parts = SkeletonPreprocessor(velocity=True, bones=True, **arguments)(joints)
        velocity = SkeletonPreprocessor(velocity=True, **arguments)(joints)
        bones = SkeletonPreprocessor(bones=True, **arguments)(joints)
        expected = np.concatenate([velocity, bones[..., 120:]], axis=-1)
        np.testing.assert_array_equal(all_parts, expected)
        plain = SkeletonPreprocessor(**arguments)(joints)
        np.testing.assert_array_equal(all_parts[..., :120], plain)
        assert (
            plain[0, 2].numpy().tolist() == process(joints, timesteps=6)[0][0, 2].ravel().tolist()
        )

    @pytest.mark.parametrize("length", ["resample", "first", "central"])
    @pytest.mark.parametrize("fill", ["none", "repeat"])
    @pytest.mark.parametrize("view", ["full", "vertical", "two_rotations", "none"])
    def test_missing_bodies_are_zeros_and_masked(self, length, fill, view):
        features, mask = process(
            people_with_gaps(),
            timesteps=16,
            length=length,
            fill=fill,
            view=view,
            velocity=True,
            bones=True,
            reference_bone_lengths=True,
        )
        assert np.isfinite(features).all()
        assert not features[~mask].any() and features[mask].any(axis=(1, 2, 3, 4)).all()
        assert not features[2].any() and not mask[2].any()
        assert mask[:2].any(axis=1).all()


ARGUMENTS = {
    "layout": "kinect_v1",
    "timesteps": 12,
    "length": "central",
    "fill": "repeat",
    "reference_bone_lengths": True,
    "center": "first_frame",
    "view": "vertical",
    "velocity": True,
    "bones": True,
}


def classifier():
    backbone = RecurrentBackbone(4, 1, (1,), nrnm_options={"block_size": 4, "stride": 2})
    return SequenceClassifier(backbone, num_classes=3)


class TestInAModel:
    def test_mask_reaches_what_follows(self):
        joints = people_with_gaps()
        preprocessor = SkeletonPreprocessor("kinect_v1", timesteps=30, length="first")
        head = classifier()
        features = keras.ops.convert_to_numpy(preprocessor(joints))
        expected = head(features, mask=preprocessor.compute_mask(joints))
        assert np.abs(expected - head(features)).max() > 1e-4
        sequential = keras.Sequential([preprocessor, head])
        inputs = keras.Input((None, 2, 20, 3))
        functional = keras.Model(inputs, head(preprocessor(inputs)))
        for model in (sequential, functional, tf.function(sequential), tf.function(functional)):
            np.testing.assert_allclose(model(joints), expected, atol=1e-6)
        np.testing.assert_allclose(functional.predict(joints, verbose=0), expected, atol=1e-6)

    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_compiled(self, jit_compile):
        joints = people_with_gaps()
        preprocessor = SkeletonPreprocessor(**ARGUMENTS)
        pooling = keras.layers.GlobalAveragePooling1D()
        features = preprocessor(joints).numpy()[:2]
        mask = preprocessor.compute_mask(joints).numpy()[:2, :, None]
        expected = (features * mask).sum(axis=1) / mask.sum(axis=1)
        model = keras.Sequential([preprocessor, pooling])
        model.compile(jit_compile=jit_compile)
        actual = model.predict(joints, verbose=0)[:2]
        np.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_unknown_batch_size_and_number_of_frames(self):
        inputs = keras.Input((None, 2, 20, 3))
        outputs = SkeletonPreprocessor(**ARGUMENTS)(inputs)
        assert outputs.shape == (None, 12, 3 * 120)
        model = tf.function(
            keras.Model(inputs, outputs),
            input_signature=[tf.TensorSpec((None, None, 2, 20, 3), tf.float32)],
        )
        for frames in (1, 20):
            joints = people(frames=frames)
            np.testing.assert_allclose(
                model(joints), SkeletonPreprocessor(**ARGUMENTS)(joints), atol=1e-5
            )

    def test_in_tf_data(self):
        joints = people_with_gaps()
        preprocessor = SkeletonPreprocessor("kinect_v1")
        dataset = tf.data.Dataset.from_tensor_slices(joints).batch(3).map(preprocessor)
        np.testing.assert_allclose(next(iter(dataset)), preprocessor(joints), atol=1e-5)

    def test_saved_and_loaded(self, tmp_path):
        joints = people_with_gaps()
        model = keras.Sequential([SkeletonPreprocessor(**ARGUMENTS), classifier()])
        expected = model(joints)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_allclose(loaded(joints), expected, atol=1e-6)
        config = loaded.layers[0].get_config()
        assert {name: config[name] for name in ARGUMENTS} == ARGUMENTS
        defaults = SkeletonPreprocessor().get_config()
        assert all(defaults[name] != value for name, value in ARGUMENTS.items())
        loaded.export(tmp_path / "exported", verbose=False)
        exported = tf.saved_model.load(tmp_path / "exported")
        np.testing.assert_allclose(exported.serve(joints), expected, atol=1e-5)

    @pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float64"])
    def test_geometry_is_exact_in_every_precision(self, dtype):
        joints = people()
        exact = SkeletonPreprocessor("kinect_v1")(joints)
        layer = SkeletonPreprocessor("kinect_v1", dtype=dtype)
        features = layer(joints.astype("f8"))
        assert keras.backend.standardize_dtype(features.dtype) == layer.compute_dtype
        assert layer(keras.Input((None, 2, 20, 3))).dtype == layer.compute_dtype
        features = keras.ops.convert_to_numpy(keras.ops.cast(features, "float32"))
        relative = 1e-6 if layer.compute_dtype == "float64" else 2**-8
        np.testing.assert_allclose(features, exact, rtol=relative, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", "kinect_v3"),
        ("timesteps", 0),
        ("length", "crop"),
        ("fill", "zeros"),
        ("center", True),
        ("view", "z"),
    ],
)
def test_unusable_arguments(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*{name}={value!r}"):
        SkeletonPreprocessor(**{name: value})


@pytest.mark.parametrize(
    "shape",
    [
        (2, 9, 25, 3),
        (2, 9, 2, 75),
        (2, 9, 2, 20, 3),
        (2, 9, 2, 25, 2),
        (2, 9, 0, 25, 3),
        (2, 0, 2, 25, 3),
        (25, 3),
    ],
)
def test_joints_of_another_shape_are_refused(shape):
    for call in (lambda layer: layer(np.zeros(shape)), lambda layer: layer(keras.Input(shape[1:]))):
        with pytest.raises(ValueError, match=r"kinect_v2.*\(batch, frames, bodies, 25, 3\).*shape"):
            call(SkeletonPreprocessor())


def test_saved_models_with_the_old_spelling_load():
    config = SkeletonPreprocessor(center="first_frame").get_config()
    config["centre"] = config.pop("center")
    for layer in (SkeletonPreprocessor.from_config(config), SkeletonPreprocessor(centre="none")):
        assert layer.center == layer.get_config()["center"] != "every_frame"
        assert "centre" not in layer.get_config()

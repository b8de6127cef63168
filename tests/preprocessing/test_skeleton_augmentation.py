import keras
import numpy as np
import pytest

from nrnm_keras.preprocessing import LAYOUTS, SkeletonAugmentation

V1 = LAYOUTS["kinect_v1"]
ALL = {
    "crop": 0.3,
    "speed": 0.4,
    "swap_bodies": 0.5,
    "mirror": 0.5,
    "scale": 0.2,
    "noise": 0.01,
}


def people(batch_size=64, frames=20):
    """Random joints; the first sequence has padding, the second one body, the third gaps."""
    shape = (batch_size, frames, 2, V1.num_joints, 3)
    joints = np.random.default_rng(0).normal(size=shape, scale=0.4) + (0.3, -0.2, 3.0)
    joints[0, 12:] = 0
    joints[1, :, 1] = 0
    joints[2, :4, 0] = 0
    joints[2, 6:9, 1] = 0
    return joints.astype("f4")


def numbered_frames(batch_size, lengths, frames=40):
    """Bodies whose coordinates are all 1 in the first frame, 2 in the second, ..."""
    values = np.arange(1, frames + 1)[None, :] * np.ones((batch_size, 1))
    values = np.where(values <= np.reshape(lengths, (-1, 1)), values, 0)
    return np.tile(values[..., None, None, None], (1, 1, 1, V1.num_joints, 3)).astype("f4")


def augment(joints, seed=0, **arguments):
    layer = SkeletonAugmentation("kinect_v1", seed=seed, **arguments)
    return keras.ops.convert_to_numpy(layer(joints, training=True))


def matrices_between(before, after):
    """The linear map of each sequence, about the main body's spine in its first frame."""
    present = before.any(axis=(3, 4))
    maps = []
    for a, b, is_there in zip(before, after, present, strict=True):
        frame = np.argmax(is_there[:, 0])
        pivot = a[frame, 0, V1.spine]
        a, b = ((x[is_there].reshape(-1, 3) - pivot).astype("f8") for x in (a, b))
        matrix, *_ = np.linalg.lstsq(a, b, rcond=None)
        np.testing.assert_allclose(a @ matrix, b, atol=1e-5)
        maps.append(matrix.T)
    return np.stack(maps)


def test_nothing_changes_at_inference():
    joints = people()
    layer = SkeletonAugmentation("kinect_v1", **ALL)
    for output in (layer(joints), layer(joints, training=False)):
        np.testing.assert_array_equal(output, joints)


def test_nothing_changes_without_a_change():
    np.testing.assert_array_equal(augment(people()), people())


def test_padding_and_missing_bodies_stay_zero():
    joints = people()
    joints[3] = 0
    joints[4, 5, 0, 3, 1] = np.nan
    joints[5, 5] = np.inf
    arguments = {**ALL, "crop": 0, "speed": 0, "swap_bodies": 0}
    present = np.isfinite(joints).all(axis=(3, 4)) & joints.any(axis=(3, 4))
    augmented = augment(joints, **arguments)
    assert np.isfinite(augmented).all()
    np.testing.assert_array_equal(augmented.any(axis=(3, 4)), present)
    for seed in range(5):
        augmented = augment(joints, seed, **ALL)
        assert np.isfinite(augmented).all()
        assert (
            not augmented[3].any() and not augmented[0, 12:].any() and not augmented[1, :, 1].any()
        )


def test_scale():
    joints = people(200)
    matrices = matrices_between(joints, augment(joints, scale=0.2))
    factors = matrices[:, 0, 0]
    np.testing.assert_allclose(matrices, factors[:, None, None] * np.eye(3), atol=1e-5)
    assert 0.8 <= factors.min() < 0.83 and 1.17 < factors.max() <= 1.2


def test_crop_keeps_consecutive_frames_at_the_front():
    lengths = np.tile([40, 31, 10, 1, 0], 200)
    cropped = augment(numbered_frames(1000, lengths), crop=0.3)[:, :, 0, 0, 0]
    kept = (cropped > 0).sum(axis=1)
    for row, length, count in zip(cropped, lengths, kept, strict=True):
        assert np.ceil(0.7 * length - 1e-5) <= count <= length
        expected = np.zeros(40)
        expected[:count] = row[0] + np.arange(count)
        np.testing.assert_array_equal(row, expected)
        assert row.max() <= length
    assert set(kept[lengths == 10]) == {8, 9, 10}
    # The part may lie anywhere.
    starts = cropped[lengths == 10, 0]
    for count in (8, 9, 10):
        assert set(starts[kept[lengths == 10] == count]) == set(range(1, 12 - count))


def test_speed_varies_within_its_bounds_and_keeps_both_ends():
    lengths = np.tile([40, 31, 2, 1, 0], 40)
    warped = augment(numbered_frames(200, lengths), speed=0.4)[:, :, 0, 0, 0]
    speeds = []
    for row, length in zip(warped, lengths, strict=True):
        assert not row[length:].any()
        if length:
            np.testing.assert_allclose(row[[0, length - 1]], [1, length], rtol=1e-5)
        speeds.append(np.diff(row[:length]))
    extremes = np.concatenate(speeds)
    assert 0.6 - 1e-4 < extremes.min() < 0.75 and 1.25 < extremes.max() < 1.4 + 1e-4
    assert np.std([s[0] for s in speeds if len(s) == 39]) > 0.05


def test_noise():
    joints = people()
    added = augment(joints, noise=0.05) - joints
    assert not added[joints == 0].any()
    added = added[joints != 0]
    assert abs(added.mean()) < 1e-3 and abs(added.std() - 0.05) < 1e-3
    assert abs(np.mean(np.abs(added) < 0.05) - 0.683) < 0.01  # normally distributed


def test_mirror():
    joints = people()
    expected = joints[..., V1.mirrored, :] * np.array([-1, 1, 1], "f4")
    np.testing.assert_array_equal(augment(joints, mirror=1.0), expected)
    mirrored = augment(joints, mirror=0.3)
    is_mirrored = np.array([np.array_equal(*pair) for pair in zip(mirrored, expected, strict=True)])
    np.testing.assert_array_equal(mirrored[~is_mirrored], joints[~is_mirrored])
    assert 0.1 < is_mirrored.mean() < 0.5


def test_swap_exchanges_the_bodies_of_sequences_that_have_both():
    joints = people()
    expected = joints[:, :, ::-1].copy()
    expected[1] = joints[1]
    np.testing.assert_array_equal(augment(joints, swap_bodies=1.0), expected)
    swapped = augment(joints, swap_bodies=0.5)
    rate = np.mean([np.array_equal(*pair) for pair in zip(swapped, expected, strict=True)])
    assert 0.3 < rate < 0.7
    one = joints[:, :, :1]
    np.testing.assert_array_equal(augment(one, swap_bodies=1.0), one)
    three = np.concatenate([joints, 2 * one], axis=2)
    np.testing.assert_array_equal(augment(three, swap_bodies=1.0)[:, :, :2], expected)
    np.testing.assert_array_equal(augment(three, swap_bodies=1.0)[:, :, 2:], 2 * one)


def test_seed():
    joints = people()
    first, again, other = (augment(joints, seed, **ALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    layer = SkeletonAugmentation("kinect_v1", seed=1, **ALL)
    outputs = [keras.ops.convert_to_numpy(layer(joints, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(outputs[0], first)
    assert np.abs(outputs[1] - first).max() > 0.1


def test_changes_are_drawn_anew_for_each_batch_of_a_training():
    seen = []

    class Recorder(keras.layers.Layer):
        def call(self, x):
            return x + 0 * keras.ops.sum(self.weight)

        def build(self, shape):
            self.weight = self.add_weight(shape=(1,))

    model = keras.Sequential(
        [
            keras.Input((None, 2, V1.num_joints, 3)),
            SkeletonAugmentation("kinect_v1", seed=3, **ALL),
            Recorder(),
        ]
    )
    joints = people(4)

    def loss(y_true, y_pred):
        seen.append(y_pred)
        return keras.ops.mean(y_pred, axis=(1, 2, 3, 4))

    model.compile("sgd", loss, run_eagerly=True)
    model.fit(joints, np.zeros(4), epochs=2, verbose=0)
    assert np.abs(seen[0] - seen[1]).max() > 0.1
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, axis=(1, 2, 3, 4)))
    history = model.fit(joints, np.zeros(4), epochs=3, verbose=0).history["loss"]
    assert len(set(history)) == 3
    np.testing.assert_allclose(model.predict(joints, verbose=0), joints, atol=1e-6)


def test_saved_and_loaded(tmp_path):
    inputs = keras.Input((None, 2, V1.num_joints, 3))
    layer = SkeletonAugmentation("kinect_v1", seed=5, **ALL)
    keras.Model(inputs, layer(inputs)).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True).layers[-1]
    config = loaded.get_config()
    expected = {"layout": "kinect_v1", "seed": 5, **ALL}
    assert {name: config[name] for name in expected} == expected
    joints = people(4)
    np.testing.assert_array_equal(loaded(joints, training=True), augment(joints, 5, **ALL))


@pytest.mark.parametrize("dtype", ["mixed_float16", "bfloat16"])
def test_joints_stay_in_single_precision(dtype):
    joints = people(4)
    layer = SkeletonAugmentation("kinect_v1", dtype=dtype, seed=0, **ALL)
    assert layer(keras.Input((None, 2, V1.num_joints, 3))).dtype == "float32"
    np.testing.assert_array_equal(layer(joints, training=True), augment(joints, **ALL))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", "coco"),
        ("crop", 1.0),
        ("speed", 1.0),
        ("speed", -0.1),
        ("swap_bodies", 1.1),
        ("mirror", -1),
        ("scale", 1.0),
        ("noise", -0.01),
        ("noise", float("nan")),
    ],
)
def test_unusable_arguments(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*{name}={value!r}"):
        SkeletonAugmentation(**{name: value})


@pytest.mark.parametrize("shape", [(2, 9, 25, 3), (2, 9, 2, 20, 3), (2, 9, 2, 25, 2)])
def test_joints_of_another_shape_are_refused(shape):
    for call in (lambda layer: layer(np.zeros(shape)), lambda layer: layer(keras.Input(shape[1:]))):
        with pytest.raises(ValueError, match=r"kinect_v2.*\(batch, frames, bodies, 25, 3\).*shape"):
            call(SkeletonAugmentation())

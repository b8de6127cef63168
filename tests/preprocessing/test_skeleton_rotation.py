import keras
import numpy as np
import pytest

from nrnm_keras.preprocessing import SkeletonPreprocessor, SkeletonRotation

FEATURES = np.random.default_rng(0).normal(size=(200, 5, 12)).astype("float32")


def rotate(features, seed=0, **arguments):
    layer = SkeletonRotation(seed=seed, **arguments)
    return keras.ops.convert_to_numpy(layer(features, training=True))


def matrices_between(before, after):
    """The linear map of the vectors of each sequence."""
    maps = []
    for a, b in zip(before, after, strict=True):
        a, b = (x.reshape(-1, 3).astype("float64") for x in (a, b))
        matrix, *_ = np.linalg.lstsq(a, b, rcond=None)
        np.testing.assert_allclose(a @ matrix, b, atol=1e-5)
        maps.append(matrix.T)
    return np.stack(maps)


def assert_rotations(matrices):
    identities = [np.eye(3)] * len(matrices)
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), identities, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-5)


@pytest.mark.parametrize(("vertical", "up", "across"), [("z", 2, (0, 1)), ("y", 1, (2, 0))])
def test_rotation_is_about_the_vertical(vertical, up, across):
    matrices = matrices_between(FEATURES, rotate(FEATURES, rotation=40.0, vertical=vertical))
    assert_rotations(matrices)
    np.testing.assert_allclose(matrices[:, up], [np.eye(3)[up]] * 200, atol=1e-5)
    first, second = across
    angles = np.degrees(np.arctan2(matrices[:, second, first], matrices[:, first, first]))
    assert 35 < angles.max() < 40.01 and -40.01 < angles.min() < -35
    assert 20 < angles.std() < 26  # uniform: 23
    assert len(set(angles.round(3))) > 190


def test_tilt_is_about_the_other_axes():
    matrices = matrices_between(FEATURES, rotate(FEATURES, tilt=10.0))
    assert_rotations(matrices)
    # Of a rotation about x and then about y the second row has no x.
    np.testing.assert_allclose(matrices[:, 1, 0], 0, atol=1e-5)
    about_x = np.degrees(np.arctan2(-matrices[:, 1, 2], matrices[:, 1, 1]))
    about_y = np.degrees(np.arctan2(-matrices[:, 2, 0], matrices[:, 0, 0]))
    for angles in (about_x, about_y):
        assert 8 < angles.max() < 10.01 and -10.01 < angles.min() < -8
    assert abs(np.corrcoef(about_x, about_y)[0, 1]) < 0.3


def test_nothing_changes_at_inference_or_without_angles():
    np.testing.assert_array_equal(SkeletonRotation(rotation=90.0)(FEATURES), FEATURES)
    np.testing.assert_array_equal(rotate(FEATURES), FEATURES)


def test_seed():
    first, again, other = (rotate(FEATURES, seed, rotation=90.0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_mask_and_missing_bodies_pass_through():
    joints = np.random.default_rng(1).normal(size=(3, 9, 2, 25, 3)).astype("float32")
    joints[0, 5:] = 0
    joints[1, :, 1] = 0
    model = keras.Sequential(
        [
            keras.Input((None, 2, 25, 3)),
            SkeletonPreprocessor(timesteps=9, length="first"),
            SkeletonRotation(rotation=180.0, tilt=180.0),
        ]
    )
    rotated = model(joints, training=True)
    expected = [[True] * 5 + [False] * 4, [True] * 9, [True] * 9]
    np.testing.assert_array_equal(rotated._keras_mask, expected)
    assert not np.any(rotated[0, 5:]) and not np.any(rotated[1, :, 75:])


def test_saved_and_loaded(tmp_path):
    layer = SkeletonRotation(30.0, 10.0, vertical="y", seed=4)
    keras.Sequential([keras.Input((5, 12)), layer]).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True).layers[-1]
    assert loaded.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("name", "value"), [("rotation", 360.0), ("tilt", -5.0), ("vertical", "x")]
)
def test_unusable_arguments(name, value):
    with pytest.raises(ValueError, match=name):
        SkeletonRotation(**{name: value})

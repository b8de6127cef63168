"""All frames as time steps: none depends on a later one, and each can be had by itself."""

import keras
import numpy as np
import pytest

from nrnm_keras.preprocessing import LAYOUTS, SkeletonPreprocessor

SPINE = LAYOUTS["kinect_v1"].spine
FRAMES = 17


def people():
    """Gaps of the main body, of both; the second body first; padding; nobody; a broken frame."""
    shape = (5, FRAMES, 2, 20, 3)
    joints = np.random.default_rng(0).normal(size=shape, scale=0.4) + (0.3, -0.2, 3.0)
    joints = joints.astype("f4")
    joints[0, 4:7, 0] = 0
    joints[1, :6, 0] = 0
    joints[1, 9:11] = 0
    joints[2, 12:] = 0
    joints[3] = 0
    joints[4, :2] = 0
    joints[4, 8, 0, 5, 1] = np.nan
    return joints


def preprocessor(**arguments):
    return SkeletonPreprocessor("kinect_v1", length="all", **arguments)


def whole(layer, joints):
    mask = keras.ops.convert_to_numpy(layer.compute_mask(joints))
    return keras.ops.convert_to_numpy(layer(joints)), mask


def test_every_frame_is_a_step():
    joints = people()
    features, mask = whole(preprocessor(center="none", view="none"), joints)
    present = np.isfinite(joints).all((-2, -1)) & joints.any((-2, -1))
    np.testing.assert_array_equal(mask, present.any(axis=2))
    expected = np.where(present[..., None, None], np.nan_to_num(joints), 0)
    np.testing.assert_array_equal(features, expected.reshape(5, FRAMES, -1))


@pytest.mark.parametrize("frames", [1, 8, FRAMES])
def test_shape_is_that_of_the_frames(frames):
    layer = preprocessor(velocity=True, timesteps=3)
    assert layer(people()[:, :frames]).shape == (5, frames, 240)
    assert layer.compute_output_shape((None, None, 2, 20, 3)) == (None, None, 240)


def test_body_that_is_seen_first_is_the_main_one():
    joints = people()[1:2]
    features, _ = whole(preprocessor(center="first_frame", view="none"), joints)
    features = features.reshape(FRAMES, 2, 20, 3)
    np.testing.assert_allclose(features[0, 1], joints[0, 0, 1] - joints[0, 0, 1, SPINE], atol=1e-6)
    np.testing.assert_allclose(features[6, 0], joints[0, 6, 0] - joints[0, 0, 1, SPINE], atol=1e-6)


@pytest.mark.parametrize("center", SkeletonPreprocessor.CENTERS)
@pytest.mark.parametrize("view", SkeletonPreprocessor.VIEWS)
def test_step_gives_what_the_whole_sequence_gives(center, view):
    layer = preprocessor(
        center=center, view=view, velocity=True, bones=True, reference_bone_lengths=True
    )
    joints = people()
    features, mask = whole(layer, joints)
    state = layer.initial_step_state(len(joints))
    for t in range(FRAMES):
        step, step_mask, state = layer.step(joints[:, t : t + 1], None, state)
        np.testing.assert_allclose(step[:, 0], features[:, t], atol=2e-6)
        np.testing.assert_array_equal(step_mask[:, 0], mask[:, t])


def test_step_does_not_know_what_comes():
    layer, joints = preprocessor(velocity=True), people()
    features, mask = whole(layer, joints)
    for frames in (1, 6, 12):
        part, part_mask = whole(layer, joints[:, :frames])
        np.testing.assert_allclose(part, features[:, :frames], atol=1e-6)
        np.testing.assert_array_equal(part_mask, mask[:, :frames])


@pytest.mark.parametrize("length", ["resample", "first", "central"])
def test_no_steps_where_their_number_is_fixed(length):
    layer = SkeletonPreprocessor("kinect_v1", length=length)
    layer.build((None, None, 2, 20, 3))
    with pytest.raises(ValueError, match=f"'all'. Received: length='{length}'"):
        layer.initial_step_state(1)


def test_repeating_needs_a_number_of_steps():
    with pytest.raises(ValueError, match="fill='repeat', length='all'"):
        preprocessor(fill="repeat")

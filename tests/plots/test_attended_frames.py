import numpy as np
import pytest

from nrnm_keras.plots.attended_frames import draw_attended_frames
from tests.plots.common import look, where

PARENTS = [0, 0, 1, 0, 3]
BODY = np.array([[0, 0, 3], [0, 1, 3], [0.4, 1.4, 3], [0, -0.5, 3], [0.2, -1, 3]])
BLUE = (0, 114, 178)


@pytest.fixture
def draw(tmp_path):
    def draw(weights, block, joints=None, first=0):
        writes, slots, _ = weights.shape
        steps = [[*range(slots), *range(first, first + block)]] * writes
        joints = np.stack([[BODY]] * (first + block)) if joints is None else joints
        frames = np.arange(1, len(joints) + 1) + 0.2
        path = tmp_path / "frames.png.part"
        draw_attended_frames(
            weights, np.array(steps), frames, joints, PARENTS, (0, 1), path, "Title"
        )
        return look(path)

    return draw


def figures(pixels):
    """Returns the first and last column of each stick figure."""
    columns = np.all(np.abs(pixels - np.array(BLUE) / 255) < 0.1, axis=2).any(axis=0)
    edges = np.flatnonzero(np.diff(columns.astype(int)))
    return edges.reshape(-1, 2)


def test_every_unit_has_its_frame_above_its_weights(draw):
    weights = np.zeros((1, 2, 6))
    weights[0, 0, 4] = 1
    pixels = draw(weights, block=4)
    drawn = figures(pixels)
    assert len(drawn) == 6
    is_yellow = np.all(np.abs(pixels - np.array([253, 231, 37]) / 255) < 0.02, axis=2)
    left, right = where(is_yellow, axis=1)
    assert left < drawn[4][0] and drawn[4][1] < right < drawn[5][0]


def test_the_frames_are_those_of_the_units(draw):
    joints = np.stack([[BODY * (1, 1 + 0.1 * frame, 1)] for frame in range(4)])
    pixels = draw(np.zeros((1, 2, 6)), block=4, joints=joints)
    is_blue = np.all(np.abs(pixels - np.array(BLUE) / 255) < 0.1, axis=2)
    heights = [
        np.ptp(where(is_blue[:, left : right + 2], axis=0)) for left, right in figures(pixels)
    ]
    assert heights[:2] == heights[2:4]  # the hidden states' frames are 1 and 2
    assert np.all(np.diff(heights[2:]) > 3)


@pytest.mark.parametrize(("block", "slots"), [(32, 8), (100, 2), (4, 4)])
def test_blocks_of_any_size_fit(draw, block, slots):
    weights = np.full((1, slots, slots + block), 1 / (slots + block))
    pixels = draw(weights, block, first=900)
    assert pixels.shape[1] < 1500
    assert len(figures(pixels)) >= min(block, 10)


@pytest.mark.parametrize(("block", "has_scale"), [(4, False), (100, True)])
def test_colors_without_numbers_have_a_scale(draw, block, has_scale):
    weights = np.zeros((1, 2, 2 + block))
    pixels = draw(weights, block)
    is_yellow = np.all(np.abs(pixels - np.array([253, 231, 37]) / 255) < 0.02, axis=2)
    assert is_yellow.any() == has_scale


def test_the_same_number_has_the_same_color(draw):
    """0.496 and 0.504 are both written as 0.50."""
    nearly, alike = np.full((1, 2, 6), 0.496), np.full((1, 2, 6), 0.5)
    nearly[0, :, ::2] = 0.504
    np.testing.assert_array_equal(draw(nearly, block=4), draw(alike, block=4))

import numpy as np
import pytest

from nrnm_keras.plots.skeleton_sequence import draw_skeleton_sequence
from tests.plots.common import lines, look, where

SQUARE = np.array([[0, 0, 3], [0, 1, 3], [1, 1, 3], [1, 0, 3]], "float32")
SQUARE_PARENTS = [3, 0, 1, 2]
FIRST, SECOND = (0, 114, 178), (213, 94, 0)  # blue and vermilion of Okabe and Ito
KINECT_V2 = [0, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 6, 11, 10]
KINECT_V1 = [0, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18]


@pytest.fixture
def draw(tmp_path):
    def draw(joints, parents=SQUARE_PARENTS, title="Title", **options):
        path = tmp_path / "sequence.png.part"
        draw_skeleton_sequence(joints, parents, path, title, **options)
        return panels(look(path))

    return draw


def panels(pixels):
    """Returns the inside of each panel."""
    top, bottom = lines(pixels, axis=0)
    columns = lines(pixels, axis=1)
    inside = zip(columns[:-1], columns[1:], strict=True)
    return [pixels[top + 3 : bottom - 2, left + 3 : right - 2] for left, right in inside]


def ink(panel, color):
    """Returns where a panel has the colour."""
    return np.all(np.abs(panel - np.array(color) / 255) < 0.1, axis=2)


def extent(panel, color, axis):
    first, last = where(ink(panel, color), axis)
    return last - first


def body_at(x, y=0.0, size=1.0):
    return size * SQUARE + np.array([x, y, 0], "float32")


def test_x_is_to_the_right_and_y_up(draw):
    (panel,) = draw([[body_at(-2, y=3), body_at(2)]])
    first, second = ink(panel, FIRST), ink(panel, SECOND)
    assert where(first, axis=1)[1] < where(second, axis=1)[0]
    assert where(first, axis=0)[1] < where(second, axis=0)[0]


def test_one_scale_for_all_frames_and_both_directions(draw):
    small, large = draw([[body_at(0.5)], [body_at(0.5, size=2)]])
    for axis in (0, 1):
        assert extent(large, FIRST, axis) == pytest.approx(2 * extent(small, FIRST, axis), abs=5)
    assert extent(large, FIRST, 0) == pytest.approx(extent(large, FIRST, 1), abs=2)


def test_missing_bodies_are_not_drawn_and_take_no_room(draw):
    missing = np.zeros((4, 3), "float32")
    body = body_at(5, y=5)
    (alone,) = draw([[body]])
    together = draw([[body, missing], [missing, missing], [missing, body]])
    assert [ink(panel, FIRST).any() for panel in together] == [True, False, False]
    assert [ink(panel, SECOND).any() for panel in together] == [False, False, True]
    np.testing.assert_array_equal(ink(together[0], FIRST), ink(alone, FIRST))


def test_frames_are_evenly_chosen_from_first_to_last(draw):
    joints = np.stack([[body_at(0.1 * frame**2)] for frame in range(9)])
    places = [where(ink(panel, FIRST), axis=1)[0] for panel in draw(joints, num_frames=3)]
    scale = (places[2] - places[0]) / 6.4
    assert places[1] - places[0] == pytest.approx(1.6 * scale, abs=2)
    assert scale > 10


@pytest.mark.parametrize(("frames", "drawn"), [(1, 1), (5, 5), (8, 8), (300, 8)])
def test_as_many_panels_as_frames_up_to_eight(draw, frames, drawn):
    assert len(draw(np.stack([[body_at(0.5)]] * frames))) == drawn


def test_bones_go_from_each_joint_to_its_parent(draw):
    def middle_of_the_top_side(parents):
        mask = ink(draw([[body_at(0.5)]], parents)[0], FIRST)
        top = where(mask, axis=0)[0]
        return mask[top : top + 5, sum(where(mask, axis=1)) // 2].any()

    assert middle_of_the_top_side([0, 0, 1, 2])
    assert not middle_of_the_top_side([0, 0, 3, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_joint_that_is_not_finite_is_left_out(draw, value):
    body = body_at(0.5)
    body[2, 0] = value
    (panel,) = draw([[body]])
    assert extent(panel, FIRST, axis=0) == pytest.approx(extent(panel, FIRST, axis=1), abs=2)


@pytest.mark.parametrize("joints", [np.zeros((3, 2, 4, 3)), np.full((3, 2, 4, 3), np.nan)])
def test_a_sequence_without_bodies_is_empty_panels(draw, joints):
    assert [np.all(panel == 1) for panel in draw(joints)] == [True] * 3


@pytest.mark.parametrize(("bodies", "parents"), [(2, KINECT_V2), (1, KINECT_V1), (6, [0])])
@pytest.mark.parametrize("stretch", [(0.01, 1), (1, 1), (30, 1)])
def test_all_layouts_and_stretches_fit(draw, bodies, parents, stretch):
    joints = np.random.default_rng(0).normal(size=(120, bodies, len(parents), 3))
    drawn = draw(joints * (*stretch, 1), parents, title="$\\nothing$ " * 5)
    assert len(drawn) == 8
    for panel in drawn:
        assert ink(panel, FIRST).any()
        assert panel.shape[1] > 70  # room for "frame 120"


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3), (2, 1, 5, 3), (2, 1, 4, 2), (0, 1, 4, 3)])
def test_other_shapes_are_refused(draw, shape):
    with pytest.raises(ValueError, match=r"\(frames, bodies, 4, 3\) were expected.*shape is \("):
        draw(np.ones(shape))

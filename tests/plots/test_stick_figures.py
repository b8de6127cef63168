import numpy as np
import pytest

from nrnm_keras.plots.stick_figures import StickFigures

PARENTS = [0, 0, 1]


def test_limits_hold_the_bodies_of_the_frames_and_no_others():
    joints = np.zeros((3, 1, 3, 3))
    joints[0, 0] = [[0, 0, 3], [0, 1, 3], [1, 2, 3]]
    joints[1] = joints[0] + 10
    for aspect in (0.3, 1.0, 4.0):
        low, high = StickFigures(joints, PARENTS).limits([0, 2], aspect)
        assert np.all(low < [0, 0]) and np.all(high > [1, 2]) and np.all(high < 9)
        width, height = high - low
        assert width == pytest.approx(aspect * height)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_frames_without_a_body_have_limits(value):
    low, high = StickFigures(np.full((2, 1, 3, 3), value), PARENTS).limits([0, 1], 0.5)
    assert np.all(np.isfinite([low, high])) and np.all(low < high)

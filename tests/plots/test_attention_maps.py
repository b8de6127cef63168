import numpy as np
import pytest

from nrnm_keras.plots.attention_maps import draw_attention_maps
from nrnm_keras.plots.time_steps import TimeSteps
from tests.plots.common import look, where

YELLOW = np.array([253, 231, 37]) / 255  # the highest value of viridis

_SCALE = 100  # pixels on the right that hold the scale of colours


@pytest.fixture
def draw(tmp_path):
    def draw(weights, names, unit="word", first=0, **options):
        writes, slots, units = weights.shape
        block = np.arange(first, first + units - slots)
        every = (units - slots) // slots
        steps = np.tile([*block[every - 1 :: every], *block], (writes, 1))
        time_steps = TimeSteps(unit, np.arange(1, len(names) + 1), names)
        path = tmp_path / "maps.png.part"
        draw_attention_maps(weights, steps, time_steps, (0, 1), path, "Title", **options)
        return look(path)

    return draw


def one_hot(slot, unit, slots=2, units=6):
    weights = np.zeros((1, slots, units))
    weights[0, slot, unit] = 1
    return weights


def brightest(pixels):
    """Returns the middle row and column of the cell with the highest weight."""
    is_yellow = np.all(np.abs(pixels - YELLOW) < 0.02, axis=2)
    is_yellow[:, pixels.shape[1] - _SCALE :] = False
    return sum(where(is_yellow, axis=0)) / 2, sum(where(is_yellow, axis=1)) / 2


def test_a_slot_is_a_row_and_a_source_unit_a_column(draw):
    names = ["some", "words", "of", "text"]
    units = (0, 1, 2, 5)
    places = [[brightest(draw(one_hot(s, u), names)) for u in units] for s in range(2)]
    rows, columns = np.moveaxis(places, 2, 0)
    assert np.ptp(rows, axis=1).max() <= 1 and rows[1, 0] - rows[0, 0] > 20
    assert np.ptp(columns, axis=0).max() <= 1
    first, gap, others = np.diff(columns[0])
    assert others == pytest.approx(3 * first, abs=3)
    assert gap > first + 4  # between hidden states and inputs


def test_writes_have_one_scale_of_colours(draw):
    weights = np.concatenate([0.5 * one_hot(0, 2), one_hot(1, 5)])
    pixels = draw(weights, ["some", "words", "of", "text"])
    _, column = brightest(pixels)
    assert column > pixels.shape[1] / 2  # in the second map
    teal = np.array([33, 145, 140]) / 255  # the middle of viridis
    assert np.all(np.abs(pixels - teal) < 0.03, axis=2).sum() > 30 * 30


def count_labels(pixels):
    """Returns the number of pieces of ink, from left to right, below the lowest maps.

    Pieces are three pixels or more apart.
    """
    pixels = pixels[:, : pixels.shape[1] - _SCALE]
    frames = np.flatnonzero(np.all(pixels < 0.1, axis=2).mean(axis=1) > 0.5)
    has_ink = np.any(pixels[frames[-1] + 6 :] < 0.75, axis=(0, 2))
    return np.count_nonzero(np.diff(np.flatnonzero(has_ink), prepend=-9) > 3)


@pytest.mark.parametrize(
    ("block", "slots", "length", "labels"),
    [(8, 2, 14, 20), (16, 4, 14, 20), (64, 8, 14, 72), (100, 4, 3, 52)],
)
def test_names_neither_touch_nor_leave_the_picture(draw, block, slots, length, labels):
    names = [("g" * length) + str(i % 10) for i in range(block)]
    assert count_labels(draw(np.ones((2, slots, slots + block)), names)) == labels


def test_numbers_stand_level_and_do_not_touch(draw):
    numbers = [str(i) for i in range(1, 200)]
    level = draw(np.ones((1, 2, 10)), numbers, unit="frame", first=120)
    upright = draw(np.ones((1, 2, 10)), [f"x{number}" for number in numbers], first=120)
    assert len(upright) - len(level) > 15
    assert count_labels(upright) == 10
    assert count_labels(level) == 10


def test_many_slots_and_names_with_any_signs_fit(draw):
    names = [f"${i}_^" for i in range(32)]
    pixels = draw(np.full((2, 32, 64), 1 / 64), names)
    assert max(pixels.shape[:2]) < 2000

import numpy as np
import pytest

from nrnm_keras.plots.colors import PALETTE
from nrnm_keras.plots.step_classes import draw_step_classes
from tests.plots.common import look


@pytest.fixture
def draw(tmp_path):
    def draw(sequences, names):
        path = tmp_path / "steps.png.part"
        draw_step_classes(sequences, names, path, "Title")
        return look(path)

    return draw


def area_of(pixels, color):
    """The number of pixels of a colour of the palette."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(pixels[..., :3].astype(int) - wanted).max(-1) < 4).sum())


def test_colors_cover_what_the_classes_do(draw):
    true = np.repeat([0, 1, -1, 2], 25)
    predicted = np.repeat([0, 0, 0, 2], 25)
    pixels = draw([(true, predicted)], ["coil", "strand", "helix"])
    coil, strand, helix = (area_of(pixels, color) for color in PALETTE[:3])
    assert coil == pytest.approx(4 * strand, rel=0.15)
    assert helix == pytest.approx(2 * strand, rel=0.15)


def test_long_sequences_take_several_lines(draw):
    labels = np.zeros(101, int)
    one, two = (draw([(labels[:n], labels[:n])], ["a", "b"]).shape[0] for n in (100, 101))
    assert two > one + 50


def test_many_classes_and_none_at_all(draw):
    labels = np.arange(9)
    assert draw([(labels, labels)], [str(n) for n in labels]).size
    assert draw([(np.full(3, -1), np.zeros(3, int))], ["a", "b"]).size

import numpy as np
import pytest

from nrnm_keras.plots.colors import BLUE, ORANGE, VERMILION
from nrnm_keras.plots.compared_readings import draw_compared_readings
from tests.plots.common import look
from tests.plots.test_attended_words import NASTY, columns_of, reading

WORDS = ["loved"] + ["word"] * 150 + ["detested"]


@pytest.fixture
def draw(tmp_path):
    def draw(words, received, names=("NRNM", "LSTM"), **options):
        first = reading(words, received, **options)
        second = reading(words, np.full(len(words), np.nan), **options)
        path = tmp_path / "compared.png.part"
        draw_compared_readings([first, second], names, path, "Title $x")
        return look(path)

    return draw


def has_color(pixels, color):
    return np.all(np.abs(pixels - _rgb(color)) < 0.01, axis=2).sum() > 100


def _rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def test_both_answers_and_both_curves_have_their_color(draw):
    pixels = draw(WORDS, np.linspace(0.5, 4, len(WORDS)))
    assert has_color(pixels, BLUE) and has_color(pixels, VERMILION)


def test_the_most_attended_word_is_darkest_and_has_a_line_in_the_curves(draw):
    received = np.full(len(WORDS), 0.8)
    nothing = draw(WORDS, received)  # less than uniform attention: white
    upper, lower = slice(0, len(nothing) // 2), slice(len(nothing) // 2, None)
    assert columns_of(nothing[upper], ORANGE) is None
    received[0] = 5
    first = draw(WORDS, received)
    received[[0, 20]] = 0.8, 5
    later = draw(WORDS, received)
    for part in (upper, lower):
        assert columns_of(first[part], ORANGE)[0] < columns_of(later[part], ORANGE)[0]


def test_without_attention_there_is_no_shade_and_no_scale(draw):
    assert columns_of(draw(WORDS, np.full(len(WORDS), np.nan)), ORANGE) is None


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("words", [NASTY, ["w" * 300] * 5, ["one"]])
@pytest.mark.parametrize("classes", [("neg", "pos"), ("$a_b^$", "a long name, " * 50)])
def test_words_and_names_of_any_kind_fit(draw, words, classes):
    names = ("runs/a $model$", "a long name, " * 50)
    pixels = draw(words, np.linspace(0, 4, len(words)), names=names, class_names=classes)
    assert pixels.shape[1] < 1800

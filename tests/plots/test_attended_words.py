import html.parser

import numpy as np
import pytest

from nrnm_keras.plots import attended_words
from nrnm_keras.plots.attended_page import write_attended_page
from nrnm_keras.plots.attended_words import draw_attended_words, shade
from nrnm_keras.plots.colors import ORANGE
from nrnm_keras.plots.running_prediction import RunningPrediction
from nrnm_keras.plots.text_reading import TextReading
from tests.plots.common import look

NASTY = ["<script>alert(1)</script>", "&amp;", '"quoted"', "$a_b^$", "電影", "good"]


def reading(words, received, class_names=("neg", "pos"), **changes):
    rows = np.linspace(0.1, 0.9, len(words))
    running = RunningPrediction(np.arange(1, len(words) + 1), np.stack([1 - rows, rows], axis=-1))
    fields = {"is_known": np.ones(len(words), bool), "cut_at": 0, "num_cut": 0, **changes}
    return TextReading(
        words=list(words),
        received=np.asarray(received, float),
        running=running,
        class_names=list(class_names),
        **fields,
    )


@pytest.fixture
def draw(tmp_path):
    def draw(*arguments, **options):
        path = tmp_path / "words.png.part"
        draw_attended_words(reading(*arguments, **options), path, "Title $x")
        return look(path)

    return draw


def columns_of(pixels, color):
    """Returns the first and last column with a colour, left of the scale."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    found = np.all(np.abs(pixels - rgb) < 0.01, axis=2).sum(axis=0) > 5
    found[pixels.shape[1] - 200 :] = False
    return np.flatnonzero(found)[[0, -1]] if found.any() else None


def test_shades_go_from_white_to_the_colour():
    assert shade(1.0, 1.0, 3.0) == shade(0.5, 1.0, 3.0) == shade(np.nan, 1.0, 3.0) == "#ffffff"
    assert shade(3.0, 1.0, 3.0) == shade(9.0, 1.0, 3.0) == ORANGE.lower()
    assert shade(1.0, 1.0, 1.0) == "#ffffff"
    reds = [int(shade(value, 1.0, 3.0, "#000000")[1:3], 16) for value in (1.5, 2.0, 2.5)]
    assert reds == [191, 128, 64]


def test_the_word_that_received_most_is_darkest(draw):
    words = ["one", "two", "three"]
    _, right = columns_of(draw(words, [1.0, 4.0, 1.0]), ORANGE)
    left, _ = columns_of(draw(words, [1.0, 1.0, 4.0]), ORANGE)
    assert right < left


def test_small_differences_are_called_small():
    words = ["one", "two"]
    assert "nearly the same" in attended_words.explain(reading(words, [0.9, 1.2]))
    assert "nearly the same" not in attended_words.explain(reading(words, [0.6, 1.4]))
    assert "nearly the same" not in attended_words.explain(reading(words, [np.nan, np.nan]))


def test_next_to_no_difference_is_next_to_no_difference_in_color(page):
    content = page(["one", "two", "three"], [0.9999, 1.0, 1.0001])
    backgrounds = [span["style"].partition(";")[0] for span in Page(content).spans]
    blues = [int(each[-2:], 16) for each in backgrounds]
    assert max(blues) - min(blues) <= 1 and 0 < blues[1] < 255
    assert "from 0.82 to 1.22 times uniform attention" in content


def test_a_model_without_attention_shades_no_word(draw):
    pixels = draw(["one", "two"], [np.nan, np.nan])
    assert columns_of(pixels, ORANGE) is None


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("words", [NASTY, ["w" * 300] * 5, ["one"]])
def test_words_of_any_kind_fit(draw, words):
    pixels = draw(words, np.linspace(0, 4, len(words)), num_cut=3, cut_at=len(words) // 2)
    assert pixels.shape[1] < 1500


def test_of_a_long_text_the_beginning_is_drawn(draw, monkeypatch):
    words = ["word"] * 120
    whole = draw(words, np.ones(120))
    monkeypatch.setattr(attended_words, "_MOST_WORDS", 30)
    assert len(whole) - len(draw(words, np.ones(120))) > 60
    assert "first 30 of 120 words" in attended_words.explain(reading(words, np.ones(120)))


class Page(html.parser.HTMLParser):
    """What is in a page: tags, the words, and whatever it would load."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.words, self.spans, self.loaded = set(), [], [], []
        self._is_word = False
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.loaded += [attributes[name] for name in ("src", "href") if name in attributes]
        self._is_word = "word" in attributes.get("class", "").split()
        if self._is_word:
            self.spans.append(attributes)

    def handle_data(self, data):
        if self._is_word:
            self.words.append(data)
            self._is_word = False


@pytest.fixture
def page(tmp_path):
    def write(*arguments, **options):
        path = tmp_path / "words.html"
        write_attended_page(reading(*arguments, **options), path, "Prediction: <b>")
        return path.read_text(encoding="utf-8")

    return write


def test_page_shows_every_word_as_it_is_and_runs_nothing(page):
    content = page(NASTY, range(6), class_names=["<i>", "a&b"])
    parsed = Page(content)
    assert parsed.words == NASTY
    assert not parsed.tags & {"script", "b", "i", "iframe", "link", "object"}
    assert all(source.startswith("data:image/png;base64,") for source in parsed.loaded)
    assert "<title>Prediction: &lt;b&gt;</title>" in content
    assert "http" not in content and "@import" not in content and "url(" not in content


def test_page_tells_attention_and_probability_of_each_word(page):
    spans = Page(
        page(["bad", "good", "end"], [0.5, 6.0, np.nan], is_known=np.array([1, 0, 1]))
    ).spans
    assert [span["class"] for span in spans] == ["word", "word unknown", "word unread"]
    assert spans[0]["title"] == "word 1, attention 0.50, probability of pos after it 0.10"
    assert spans[2]["title"] == "word 3, probability of pos after it 0.90"
    assert f"background: {ORANGE.lower()}" in spans[1]["style"]
    assert "background: #ffffff" in spans[2]["style"]


def test_page_says_where_words_were_left_out(page):
    content = page(["first", "last"], [1, 1], cut_at=1, num_cut=7)
    assert (
        content.index(">first<") < content.index("7 words are not read") < content.index(">last<")
    )
    assert "not read" not in page(["first", "last"], [1, 1])

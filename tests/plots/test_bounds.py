"""No picture grows without limit with what is drawn, and each says what it left out."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nrnm_keras.plots.attended_frames import draw_attended_frames
from nrnm_keras.plots.attended_page import write_attended_page
from nrnm_keras.plots.attended_words import draw_attended_words
from nrnm_keras.plots.attention_maps import draw_attention_maps
from nrnm_keras.plots.confusion_matrix import draw_confusion_matrix
from nrnm_keras.plots.confusions import confusions_of_matrix, count_confusions
from nrnm_keras.plots.influence import draw_influence
from nrnm_keras.plots.learning_curves import draw_learning_curves
from nrnm_keras.plots.memory_trace import MemoryTrace, draw_memory_trace
from nrnm_keras.plots.running_prediction import RunningPrediction, draw_running_prediction
from nrnm_keras.plots.skeleton_animation import draw_skeleton_animation
from nrnm_keras.plots.skeleton_sequence import draw_skeleton_sequence
from nrnm_keras.plots.step_classes import draw_step_classes
from nrnm_keras.plots.sweep import draw_sweep
from nrnm_keras.plots.text_reading import TextReading
from nrnm_keras.plots.time_steps import TimeSteps

MOST = 3600  # pixels of a side
LONG = "a long name, " * 2000
RANDOM = np.random.default_rng(0)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Returns a function that draws, looks at the size, and returns all that is written."""
    figures, savefig = [], Figure.savefig

    def save(figure, *arguments, **options):
        figures.append(figure)
        return savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", save)

    def drawn(draw, *arguments, **options):
        path = tmp_path / "picture.png"
        draw(*arguments, path=path, **options)
        assert max(imread(path, format="png").shape[:2]) <= MOST
        figure = figures[-1]
        texts = [*figure.texts, figure._suptitle, *(axes.title for axes in figure.axes)]
        texts += [axes._left_title for axes in figure.axes]
        texts += [text for axes in figure.axes for text in axes.texts]
        legends = [axes.get_legend() for axes in figure.axes]
        texts += [text for legend in legends if legend for text in legend.get_texts()]
        return " ".join(" ".join(text.get_text() for text in texts if text).split())

    return drawn


def names(count):
    return [f"{number} {LONG}" for number in range(count)]


@pytest.mark.parametrize("classes", [120, 121, 800])
def test_classes_of_a_confusion_matrix(drawn, classes):
    matrix = RANDOM.integers(0, 3, (classes, classes))
    matrix[7, 3] = 100
    said = drawn(draw_confusion_matrix, matrix, names(classes), title=LONG)
    if classes > 120:
        pairs = np.count_nonzero(matrix) - np.count_nonzero(np.diag(matrix))
        assert f"the 30 most frequent of {pairs:,} confused pairs among {classes} classes" in said
        assert f"100 of {matrix[7].sum():,}" in said
        wrong = matrix.sum() - np.trace(matrix)
        assert f"of {wrong:,} wrong predictions" in said


def test_confusions_of_many_classes_take_no_square():
    classes = 1_000_000  # the square would be terabytes
    confusions = count_confusions([5, 5, 5, 5, 999_999, 7], [5, 6, 6, 999_999, 5, 7], classes)
    assert confusions.right[[5, 7, 999_999]].tolist() == [1, 1, 0]
    wrong = list(zip(*confusions.wrong[:3], strict=True))
    assert wrong == [(5, 6, 2), (5, 999_999, 1), (999_999, 5, 1)]


def test_confusions_are_those_of_the_matrix():
    true, predicted = RANDOM.integers(0, 9, (2, 500))
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (true, predicted), 1)
    for confusions in (count_confusions(true, predicted, 10), confusions_of_matrix(expected)):
        np.testing.assert_array_equal(confusions.matrix(), expected)
        np.testing.assert_array_equal(confusions.right, np.diag(expected))
        np.testing.assert_array_equal(confusions.examples, expected.sum(axis=1))
        counts = confusions.wrong.counts
        np.testing.assert_array_equal(counts, np.sort(counts)[::-1])
        assert counts.sum() == expected.sum() - np.trace(expected)


def test_no_confusions_at_all(drawn):
    said = drawn(draw_confusion_matrix, np.eye(200, dtype=int), names(200), title="Title")
    assert "the 0 most frequent of 0 confused pairs among 200 classes" in said


def test_steps_sequences_and_classes_of_step_classes(drawn):
    labels = RANDOM.integers(0, 500, (30, 20_000))
    said = drawn(draw_step_classes, [(row, row) for row in labels], names(500), title=LONG)
    assert "sequence 1. The first 700 of 20,000 steps are drawn" in said
    assert "and 486 more classes" in said and "sequence 7" not in said
    assert "The first 6 of 30 sequences are drawn." in said


def reading(words):
    count = len(words)
    running = RunningPrediction(np.arange(1, count + 1), np.full((count, 2), 0.5))
    received = np.linspace(0, 2, count)
    known = np.ones(count, bool)
    return TextReading(words, known, received, 0, 0, running, [LONG, "b"])


def test_words_of_a_text(drawn, tmp_path):
    said = drawn(draw_attended_words, reading(["W" * 5000] * 600), title=LONG)
    assert "of 600 words are drawn" in said
    write_attended_page(reading(["W" * 5000] * 20_000), tmp_path / "words.html", "Title")
    page = (tmp_path / "words.html").read_text()
    assert len(page) < 5_000_000
    assert "The first 10,000 of 20,000 words are drawn." in page


def test_writes_slots_and_units_of_attention_maps(drawn):
    weights = RANDOM.uniform(size=(18, 40, 1040))
    steps = np.tile(np.arange(1040), (18, 1))
    time_steps = TimeSteps("word", np.arange(1040), names(1040))
    said = drawn(draw_attention_maps, weights, steps, time_steps, (0, 1), title=LONG)
    assert re.search(r"The first \d of 18 writes are drawn\.", said)


def test_writes_slots_and_units_of_attended_frames(drawn):
    weights, steps = RANDOM.uniform(size=(13, 100, 700)), np.tile(np.arange(700), (13, 1))
    joints = RANDOM.normal(size=(700, 2, 3, 3))
    arguments = (weights, steps, np.arange(1, 701), joints, [0, 0, 1], (0, 1))
    said = drawn(draw_attended_frames, *arguments, title=LONG)
    assert re.search(r"The first \d of 13 writes are drawn\.", said)


def test_memories_and_steps_of_a_trace(drawn):
    steps = np.arange(20_000)
    values = np.linspace(0, 1, len(steps))
    traces = [
        MemoryTrace(f"layer {n}", steps, values, values, steps[::8], values[::8], values[::8])
        for n in range(40)
    ]
    said = drawn(draw_memory_trace, traces, TimeSteps("frame", steps + 1, []), title=LONG)
    assert "The first 6 of 40 memories are drawn." in said and "layer 7" not in said


def test_steps_and_classes_of_a_running_prediction(drawn):
    probabilities = RANDOM.dirichlet(np.ones(300), 3000)
    running = RunningPrediction(np.arange(1, 3001), probabilities)
    said = drawn(draw_running_prediction, running, names(300), "frame", title=LONG)
    assert "The 4 highest of 300 classes are drawn." in said


def test_networks_and_steps_of_influence(drawn):
    influence = np.exp(-np.arange(20_000) / 1000)
    drawn(draw_influence, {LONG: influence, f"x{LONG}": influence}, title=LONG)


def test_frames_and_title_of_skeletons(drawn, tmp_path):
    joints, parents = RANDOM.normal(size=(3000, 3, 4, 3)), [0, 0, 1, 2]
    said = drawn(draw_skeleton_sequence, joints, parents, title=LONG, num_frames=2000)
    assert "(24 of 3,000 frames)" in said
    running = RunningPrediction(np.arange(1, 3001), RANDOM.dirichlet(np.ones(50), 3000))
    path = tmp_path / "prediction.gif"
    draw_skeleton_animation(joints, parents, running, names(50), path, LONG)
    assert path.stat().st_size < 5_000_000


def test_epochs_and_metrics_of_learning_curves(drawn, tmp_path):
    metrics = [f"metric_{n}" for n in range(40)]
    columns = ["epoch", *metrics, *(f"val_{name}" for name in metrics)]
    rows = [",".join(map(str, [epoch, *RANDOM.uniform(size=80)])) for epoch in range(3000)]
    source = tmp_path / "metrics.csv"
    source.write_text("\n".join([",".join(columns), *rows]))
    said = drawn(lambda path, title: draw_learning_curves(source, path, title), title="Title")
    assert "The first 6 of 40 metrics are drawn." in said


@pytest.mark.parametrize("numeric", [False, True])
def test_values_and_combinations_of_a_sweep(drawn, numeric):
    values = [str(n) if numeric else f"{n} {LONG}" for n in range(60)]
    rows = [
        {
            "values": {"model": value, "seed": f"{other} {LONG}"},
            "metric": "accuracy",
            "validation": [0.5],
            "test": [float(RANDOM.uniform())],
        }
        for value in values
        for other in range(20)
    ]
    said = drawn(draw_sweep, rows, title=LONG)
    assert "The first 14 of 20 combinations are drawn." in said
    assert ("The first 40 of 60 model are drawn." in said) == (not numeric)

import io

import numpy as np
import pytest
from PIL import Image

from nrnm_keras.plots import skeleton_animation
from nrnm_keras.plots.canvas import new_figure
from nrnm_keras.plots.running_prediction import (
    RunningPrediction,
    chosen_classes,
    draw_running_prediction,
    plot_running_prediction,
)
from nrnm_keras.plots.skeleton_animation import draw_skeleton_animation
from tests.plots.common import look

BLUE, SILVER = np.array([0, 114, 178]), np.array([192, 192, 192])


def running(probabilities, counts=None):
    probabilities = np.asarray(probabilities, float)
    counts = np.arange(1, len(probabilities) + 1) if counts is None else counts
    return RunningPrediction(np.asarray(counts), probabilities)


def test_no_tick_stands_between_two_steps():
    axes = new_figure(9.0, 2.6).subplots()
    plot_running_prediction(axes, running(np.full((21, 2), 0.5)), ["a", "b"], "frame")
    assert all(tick == round(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("steps", [1, 2, 400])
@pytest.mark.parametrize("classes", [2, 60])
def test_any_number_of_steps_and_classes_fits(tmp_path, steps, classes):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), steps)
    names = [f"_{i} $ a class with a name that goes on and on" for i in range(classes)]
    path = tmp_path / "running.png"
    draw_running_prediction(running(probabilities), names, "word", path, "Title $")
    assert np.all(np.abs(look(path) - BLUE / 255) < 0.1, axis=2).any()


def test_classes_that_come_high_at_any_time_are_chosen():
    probabilities = np.array([[0.0, 0.1, 0.9, 0.0], [0.7, 0.1, 0.0, 0.2], [0.6, 0.1, 0.0, 0.3]])
    assert chosen_classes(probabilities, most=3) == [0, 3, 2]
    assert chosen_classes(probabilities, most=9) == [0, 3, 1, 2]


@pytest.fixture
def animate(tmp_path):
    def animate(joints, running, names=("sit", "stand")):
        path = tmp_path / "prediction.gif"
        draw_skeleton_animation(joints, [0, 0], running, names, path, "Title $")
        assert path.stat().st_size < 2e6
        return Image.open(io.BytesIO(path.read_bytes()))

    return animate


def bar(image, frame, color=BLUE):
    """Returns the width of the bar of a colour in the right half of a frame, in pixels."""
    image.seek(frame)
    pixels = np.array(image.convert("RGB")).astype(int)
    is_bar = np.all(np.abs(pixels - color) < 20, axis=2)[:, 375:]
    return np.count_nonzero(is_bar.sum(axis=0) > 10)


def body(frames):
    joints = np.zeros((frames, 1, 2, 3))
    joints[:, 0, 1, 1] = np.linspace(0.5, 1.5, frames)
    joints[:, 0, :, 2] = 3
    return joints


def test_bars_are_as_long_as_their_classes_are_probable(animate):
    image = animate(body(3), running([[0.6, 0.4], [0.25, 0.75], [1.0, 0.0]]))
    assert (image.n_frames, image.info["loop"]) == (3, 0)
    full = bar(image, 2)
    for frame, (most, least) in enumerate([(0.6, 0.4), (0.75, 0.25), (1.0, 0.0)]):
        assert bar(image, frame) == pytest.approx(most * full, abs=4)
        assert bar(image, frame, SILVER) == pytest.approx(least * full, abs=4)


def test_long_sequences_show_some_frames_up_to_the_last(animate, monkeypatch):
    monkeypatch.setattr(skeleton_animation, "_MOST_FRAMES", 8)
    probabilities = np.linspace([1.0, 0.0], [0.0, 1.0], 200)
    image = animate(body(400), running(probabilities, np.linspace(1, 400, 200).astype(int)))
    assert image.n_frames == 8
    assert bar(image, 7) == bar(image, 0) > 100


def test_a_body_moves(animate):
    image = animate(body(2), running([[0.5, 0.5]] * 2))
    first, last = (np.array(frame) for frame in frames(image))
    inside = slice(60, 250), slice(20, 200)  # of the body's panel
    assert np.any(first[inside] != last[inside])
    assert np.all(first[:200, 240:] == last[:200, 240:])


def frames(image):
    for frame in range(image.n_frames):
        image.seek(frame)
        yield image.convert("RGB")

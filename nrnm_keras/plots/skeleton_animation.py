"""Animation of a skeleton sequence with its running prediction."""

import pathlib
import textwrap
from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.colors import BLUE
from nrnm_keras.plots.running_prediction import RunningPrediction, chosen_classes
from nrnm_keras.plots.sheet import place
from nrnm_keras.plots.stick_figures import StickFigures
from pipelines.escaping import for_picture

_WIDTH, _HEIGHT = 7.0, 3.6  # inches
_DOTS_PER_INCH = 80
_MOST_FRAMES = 60
_PER_SECOND = 10
_MOST_CLASSES = 6
_LONGEST_NAME = 28
_LONGEST_TITLE, _CHARACTERS_ACROSS = 140, 70


def draw_skeleton_animation(
    joints: np.ndarray,
    parents: Sequence[int],
    running: RunningPrediction,
    class_names: Sequence[str],
    path: str | pathlib.Path,
    title: str,
) -> None:
    """Animates a skeleton sequence, with the prediction after each frame beside it, as a GIF.

    Shows at most 60 frames, evenly spaced among those with a prediction, at 10 frames per second.

    Args:
        joints: numbers of shape `(frames, bodies, joints, 3)`, as `StickFigures` takes them.
        parents: the parent joint of each joint.
        running: `RunningPrediction`.
        class_names: list of strings.
        path: where the animation is written, a path that ends in `.gif`.
        title: line above the plot.
    """
    from matplotlib.animation import PillowWriter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), facecolor="white")
    body_axes = place(figure, 0.15, 0.6, 2.4, 2.6)
    bar_axes = place(figure, 4.7, 0.6, 2.05, 2.3)
    title = textwrap.fill(for_picture(title, _LONGEST_TITLE), _CHARACTERS_ACROSS)
    figure.text(0.02, 0.97, title, fontsize=11, va="top")
    figures = StickFigures(joints, parents)
    limits = figures.limits(running.counts - 1, 2.4 / 2.6)
    bars = _Bars(bar_axes, running.probabilities, class_names)
    writer = PillowWriter(fps=_PER_SECOND)
    with writer.saving(figure, path, dpi=_DOTS_PER_INCH):
        for prediction in _evenly(len(running.counts)):
            frame = running.counts[prediction]
            body_axes.clear()
            figures.draw(body_axes, frame - 1, limits)
            body_axes.set_xlabel(f"frame {frame} of {len(joints)}")
            bars.show(running.probabilities[prediction])
            writer.grab_frame()


def _evenly(count):
    return np.linspace(0, count - 1, min(count, _MOST_FRAMES)).round().astype(int)


class _Bars:
    """A bar for each of a few classes, always the same; the longest is blue."""

    def __init__(self, axes, probabilities, class_names):
        self._classes = chosen_classes(probabilities, _MOST_CLASSES)
        names = [for_picture(class_names[label], _LONGEST_NAME) for label in self._classes]
        places = range(len(names))
        self._bars = axes.barh(places, np.zeros(len(names)), height=0.7)
        axes.set_yticks(places, names, fontsize=9)
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xticks=(0, 0.5, 1))
        axes.set_xlabel("current probability")
        axes.spines[["top", "right"]].set_visible(False)

    def show(self, probabilities):
        """Sets the bars to probabilities `(classes,)`."""
        best = probabilities.argmax()
        for bar, label in zip(self._bars, self._classes, strict=True):
            bar.set_width(probabilities[label])
            bar.set_color(BLUE if label == best else "silver")

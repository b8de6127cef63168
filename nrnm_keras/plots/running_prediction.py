"""Plot of the prediction after each step of an input."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nrnm_keras.plots.canvas import count_along_x, new_figure, save
from nrnm_keras.plots.colors import PALETTE
from nrnm_keras.plots.sheet import write_head
from nrnm_keras.typing import Axes, File
from pipelines.escaping import for_picture

MOST_CLASSES = 4
_LINE_STYLES = ("-", "--", "-.", ":")
_LONGEST_NAME = 30


class RunningPrediction(NamedTuple):
    """The predictions of a model for prefixes of one input.

    Attributes:
        counts: the length of each prefix in words, frames or time steps, `(predictions,)`; the last
            prefix is the whole input.
        probabilities: those of the classes, `(predictions, classes)`.
    """

    counts: np.ndarray
    probabilities: np.ndarray


def draw_running_prediction(
    running: RunningPrediction, class_names: Sequence[str], unit: str, path: File, title: str
) -> None:
    """Plots the probabilities of the classes that are the most probable at any step, as a PNG.

    Args:
        running: `RunningPrediction`.
        class_names: list of strings.
        unit: what is counted, such as `"word"`.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    figure = new_figure(9.0, 2.6)
    plot_running_prediction(figure.subplots(), running, class_names, unit)
    write_head(figure, title, explain_running_prediction(running, class_names, unit))
    save(figure, path)


def explain_running_prediction(
    running: RunningPrediction, class_names: Sequence[str], unit: str
) -> str:
    """Returns a description of the plot."""
    text = f"Probability of each class after the {unit}s so far."
    if len(class_names) > MOST_CLASSES:
        text += f" The {MOST_CLASSES} highest of {len(class_names)} classes are drawn."
    return text


def plot_running_prediction(
    axes: Axes, running: RunningPrediction, class_names: Sequence[str], unit: str
) -> None:
    """Draws the probabilities into matplotlib axes, with a legend on their right."""
    counts, probabilities = running
    for line, label in enumerate(chosen_classes(probabilities)):
        axes.plot(
            counts,
            probabilities[:, label],
            color=PALETTE[line],
            linestyle=_LINE_STYLES[line],
            marker="o" if len(counts) == 1 else "",
            label=for_picture(class_names[label], _LONGEST_NAME),
        )
    axes.set(xlabel=f"number of {unit}s so far", ylabel="probability", ylim=(-0.02, 1.02))
    axes.set_xlim(0.5, max(counts[-1], 2) + 0.5)
    count_along_x(axes)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False)


def chosen_classes(probabilities: np.ndarray, most: Any = MOST_CLASSES) -> list[int]:
    """Returns the classes with the highest probabilities at any time, the last prediction first.

    Args:
        probabilities: array `(predictions, classes)`.
        most: integer, how many.

    Example:

    >>> chosen_classes(np.array([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3]]), most=2)
    [0, 1]
    """
    highest = np.argsort(-probabilities.max(axis=0), kind="stable")[:most]
    return sorted(highest.tolist(), key=lambda label: -probabilities[-1, label])

"""Plot of sequence tagging: the true class of each step above the predicted class."""

import textwrap
from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.colors import PALETTE
from nrnm_keras.plots.sheet import LONGEST_TITLE, noted, number_drawn
from nrnm_keras.typing import ArrayLike, File
from pipelines.escaping import for_picture

_STEPS_A_LINE = 100
_UNLABELED = "#DDDDDD"
_LINE_HEIGHT = 0.75  # inches
_MOST_SEQUENCES, _MOST_LINES = 6, 7  # lines of each
_MOST_NAMES, _NAMES_ACROSS = 14, 5
_LONGEST_NAME = 24  # characters


def draw_step_classes(
    sequences: Sequence[tuple[ArrayLike, ArrayLike]],
    class_names: Sequence[str],
    path: File,
    title: str,
) -> None:
    """Plots the true and the predicted class of each step as a PNG.

    Each step is a cell, with 100 steps a line, and each class has a color. Steps without a label
    are gray. At most 6 sequences with at most 7 lines each are drawn, and the legend names the most
    frequent classes; the title says what is left out.

    Args:
        sequences: list of pairs of integer arrays `(timesteps,)`: the true labels, -1 for a step
            without one, and the predicted ones. Unlabeled steps at the end are left out.
        class_names: list of strings.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.

    Example:

    >>> import io
    >>> picture = io.BytesIO()
    >>> draw_step_classes([([0, 1, -1, 1], [0, 1, 1, 0])], ["a", "b"], picture, "Steps")
    >>> picture.getvalue()[1:4]
    b'PNG'
    """
    colors, drawn = _colors(len(class_names)), sequences[:_MOST_SEQUENCES]
    lines = [line for number, pair in enumerate(drawn, 1) for line in _lines(number, *pair)]
    figure = new_figure(10, _LINE_HEIGHT * len(lines))
    axes = figure.subplots(len(lines), squeeze=False)[:, 0]
    figure.subplots_adjust(hspace=0.9)
    for ax, line in zip(axes, lines, strict=True):
        _draw_line(ax, colors, *line)
    left_out = number_drawn(len(drawn), len(sequences), "sequences")
    title = textwrap.fill(noted(for_picture(title, LONGEST_TITLE), left_out), 100)
    axes[0].set_title(title, loc="left", pad=16)
    _add_legend(axes[-1], colors, class_names, _most_frequent(lines))
    save(figure, path)


def _colors(count):
    """Returns a color for each class; with many classes, neighbors have similar colors."""
    if count <= len(PALETTE):
        return PALETTE[:count]
    from matplotlib import colormaps

    return tuple(colormaps["viridis"](np.linspace(0, 1, count)))


def _lines(number, true, predicted):
    """Yields a name, the first step's number and the labels of each line of a sequence."""
    labeled = np.flatnonzero(np.asarray(true) >= 0)
    steps = labeled[-1] + 1 if len(labeled) else 1
    drawn = min(steps, _MOST_LINES * _STEPS_A_LINE)
    name = f"sequence {number}. {number_drawn(drawn, steps, 'steps')}".rstrip(". ")
    for first in range(0, drawn, _STEPS_A_LINE):
        line = slice(first, min(first + _STEPS_A_LINE, drawn))
        yield name, first, true[line], predicted[line]


def _most_frequent(lines):
    """Returns the classes of the most steps that are drawn, true or predicted."""
    labels = np.concatenate([np.ravel(part) for line in lines for part in line[2:]])
    labels, counts = np.unique(labels[labels >= 0], return_counts=True)
    return np.sort(labels[np.argsort(-counts, kind="stable")][:_MOST_NAMES])


def _draw_line(axes, colors, label, first, true, predicted):
    from matplotlib.colors import ListedColormap

    cells = np.full((2, _STEPS_A_LINE), np.nan)
    cells[:, : len(true)] = true, predicted
    shown = ListedColormap([_UNLABELED, *colors])
    axes.imshow(cells + 1, cmap=shown, vmin=-0.5, vmax=len(colors) + 0.5, aspect="auto")
    axes.axhline(0.5, color="white", linewidth=2)
    axes.set_yticks([0, 1], ["true", "predicted"], fontsize=8)
    ticks = np.arange(9, len(true), 10)
    axes.set_xticks(ticks, ticks + first + 1, fontsize=8)
    if first == 0:
        axes.text(-0.5, -0.75, label, fontsize=8, ha="left", va="bottom")
    axes.tick_params(length=2)
    for side in axes.spines.values():
        side.set_visible(False)


def _add_legend(axes, colors, class_names, most_frequent):
    from matplotlib.patches import Patch

    is_small = len(class_names) <= _MOST_NAMES
    labels = range(len(class_names)) if is_small else most_frequent
    named = [(for_picture(class_names[label], _LONGEST_NAME), colors[label]) for label in labels]
    named.append(("no label", _UNLABELED))
    if len(labels) < len(class_names):
        named.append((f"and {len(class_names) - len(labels):,} more classes", "none"))
    patches = [Patch(color=color, label=name) for name, color in named]
    axes.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(0, -0.6),
        ncols=min(len(patches), _NAMES_ACROSS),
        fontsize=8,
        frameon=False,
    )

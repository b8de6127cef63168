"""Plot of a confusion matrix."""

import textwrap
from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.confused_pairs import draw_confused_pairs
from nrnm_keras.plots.confusions import confusions_of_matrix
from nrnm_keras.plots.sheet import LONGEST_TITLE
from nrnm_keras.typing import ArrayLike, File
from pipelines.escaping import for_picture

MOST_CLASSES = 120
_MOST_CLASSES_WITH_NUMBERS = 20
_SMALLEST_SIDE = 3.0  # inches


def draw_confusion_matrix(
    matrix: ArrayLike, class_names: Sequence[str], path: File, title: str
) -> None:
    """Plots a confusion matrix as a PNG.

    A cell is the darker the larger its share of the examples of the true class. Rows without
    examples are gray. With up to 20 classes, cells show this share in percent, and an empty cell is
    0; class names are followed by the number of examples. With more than 120 classes, the most
    confused pairs are plotted instead.

    Args:
        matrix: integers of shape `(classes, classes)`, counts of examples; rows are the true
            classes, columns the predicted ones.
        class_names: list of strings.
        path: where the plot is written, a path or a binary file.
        title: line above the matrix.

    Raises:
        ValueError: if the matrix is not square or has not one row a name.

    Example:

    >>> import io
    >>> picture = io.BytesIO()
    >>> draw_confusion_matrix([[8, 2], [1, 9]], ["negative", "positive"], picture, "Reviews")
    >>> picture.getvalue()[1:4]
    b'PNG'
    """
    matrix, classes = np.asarray(matrix), len(class_names)
    if matrix.shape != (classes, classes):
        raise ValueError(
            f"a confusion matrix of {classes} classes has shape {(classes, classes)}, "
            f"but this one has {matrix.shape}"
        )
    if classes > MOST_CLASSES:
        draw_confused_pairs(confusions_of_matrix(matrix), class_names, path, title)
        return
    has_numbers = classes <= _MOST_CLASSES_WITH_NUMBERS
    cell, font_size = (0.5, 9) if has_numbers else (0.17, 8)
    side = max(cell * classes, _SMALLEST_SIDE)
    figure = new_figure(side, side)
    axes = figure.subplots()
    shares = _shares(matrix)
    _draw_cells(axes, shares, side)
    _name_classes(axes, class_names, matrix.sum(axis=1), font_size)
    if has_numbers:
        _write_numbers(axes, shares, font_size)
    title = for_picture(title, LONGEST_TITLE)
    axes.set_title(textwrap.fill(title, width=int(11 * side)), pad=12)
    save(figure, path)


def _shares(matrix):
    examples = matrix.sum(axis=1, keepdims=True)
    return np.where(examples > 0, matrix / np.maximum(examples, 1), np.nan)


def _draw_cells(axes, shares, side):
    axes.set_facecolor("lightgrey")
    image = axes.imshow(100 * shares, cmap="magma_r", vmin=0, vmax=100, interpolation="nearest")
    lines = np.arange(1, len(shares)) - 0.5
    axes.vlines(lines, -0.5, len(shares) - 0.5, color="white", linewidth=0.5)
    axes.hlines(lines, -0.5, len(shares) - 0.5, color="white", linewidth=0.5)
    bar = axes.inset_axes([1 + 0.15 / side, 0, 0.15 / side, 1])
    axes.figure.colorbar(image, cax=bar, label="share of the true class, %")


def _name_classes(axes, class_names, examples, font_size):
    names, places = list(map(for_picture, class_names)), range(len(class_names))
    counted = [f"{name} ({count:,})" for name, count in zip(names, examples, strict=True)]
    axes.set_xticks(places, names, rotation=90, fontsize=font_size)
    axes.set_yticks(places, counted, fontsize=font_size)
    axes.set(xlabel="predicted class", ylabel="true class (examples)")


def _write_numbers(axes, shares, font_size):
    for row, column in np.argwhere(shares > 0):
        percent = round(100 * shares[row, column])
        color = "white" if percent > 50 else "black"
        style = {"color": color, "fontsize": font_size, "ha": "center", "va": "center"}
        axes.text(column, row, percent or "<1", **style)

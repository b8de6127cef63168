"""Plot of the learning curves of a run: loss and metrics by epoch."""

import csv
import os
import textwrap

from nrnm_keras.plots.canvas import count_along_x, missing_glyphs_allowed
from nrnm_keras.plots.sheet import LONGEST_TITLE, noted, number_drawn
from nrnm_keras.typing import File
from pipelines.escaping import for_picture

_MOST_PANELS = 6
_MOST_MARKERS = 100
_CHARACTERS_ON_PANEL = 45


def draw_learning_curves(metrics_path: str | os.PathLike[str], plot_path: File, title: str) -> None:
    """Plots the metrics that Keras's `CSVLogger` wrote, one panel each, as a PNG; at most 6.

    Args:
        metrics_path: the CSV file.
        plot_path: where the plot is written.
        title: line above the panels.
    """
    from matplotlib.figure import Figure

    with open(metrics_path, newline="") as file:
        rows = list(csv.DictReader(file))
    metrics = [name for name in rows[0] if f"val_{name}" in rows[0]]
    names = metrics[:_MOST_PANELS]
    marker = "o" if len(rows) <= _MOST_MARKERS else ""
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(4.5 * len(names), 3.5), layout="constrained")
    left_out = number_drawn(len(names), len(metrics), "metrics")
    title = noted(for_picture(title, LONGEST_TITLE), left_out)
    title = textwrap.fill(title, _CHARACTERS_ON_PANEL * len(names))
    figure.suptitle(title)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for column, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot(epochs, [float(row[column]) for row in rows], marker=marker, label=label)
        axes.set(xlabel="epoch", ylabel=name)
        count_along_x(axes)
        axes.legend()
    with missing_glyphs_allowed():
        figure.savefig(plot_path, format="png", dpi=100)

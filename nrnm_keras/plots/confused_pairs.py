"""Plot of the most confused pairs of classes, for data sets with many classes."""

from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.colors import BLUE
from nrnm_keras.plots.confusions import Confusions
from nrnm_keras.plots.sheet import write_head
from nrnm_keras.typing import File
from pipelines.escaping import for_picture

_MOST_PAIRS = 30
_LONGEST_NAME = 40  # characters
_WIDTH, _ROW = 7.0, 0.24  # inches
_EXPLANATION = (
    "True class → predicted class. Each bar is labeled with the number of such predictions and the "
    "number of examples of the true class. The plot shows the {drawn:,} most frequent of {pairs:,} "
    "confused pairs among {classes:,} classes: {shown:,} of {wrong:,} wrong predictions."
)


def draw_confused_pairs(
    confusions: Confusions, class_names: Sequence[str], path: File, title: str
) -> None:
    """Plots a bar for each of the 30 most frequent confusions of two classes, as a PNG.

    Args:
        confusions: `Confusions`.
        class_names: list of strings.
        path: where the plot is written, a path or a binary file.
        title: line above the bars.
    """
    wrong = confusions.wrong
    true, predicted, counts = (part[:_MOST_PAIRS] for part in wrong[:3])
    figure = new_figure(_WIDTH, _ROW * max(len(counts), 2))
    axes = figure.subplots()
    examples = confusions.examples[true]
    shares = counts / examples
    axes.barh(np.arange(len(counts)), shares, height=0.7, color=BLUE)
    names = [
        " → ".join(for_picture(class_names[label], _LONGEST_NAME) for label in pair)
        for pair in zip(true, predicted, strict=True)
    ]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for place, numbers in enumerate(zip(shares, counts, examples, strict=True)):
        share, count, of = numbers
        axes.text(share, place, f" {count:,} of {of:,}", fontsize=8, va="center")
    axes.set(xlim=(0, 1.1 * max([*shares, 0.01])), ylim=(max(len(counts), 2) - 0.5, -0.5))
    axes.set_xlabel("share of the true class's examples")
    axes.spines[["top", "right"]].set_visible(False)
    explanation = _EXPLANATION.format(
        drawn=len(counts),
        pairs=len(wrong.counts),
        classes=len(class_names),
        shown=counts.sum(),
        wrong=wrong.counts.sum(),
    )
    write_head(figure, title, explanation)
    save(figure, path)

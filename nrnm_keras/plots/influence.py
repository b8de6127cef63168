"""Plot of how far back the last hidden state of a network depends on the input."""

from collections.abc import Mapping

import numpy as np

from nrnm_keras.plots.canvas import count_along_x, new_figure, save
from nrnm_keras.plots.colors import BLUE, VERMILION
from nrnm_keras.plots.sheet import write_head
from nrnm_keras.typing import File
from pipelines.escaping import for_picture

_LONGEST_NAME = 120  # characters
_SMALLEST = 1e-12  # of the largest; below it there are rounding errors
_EXPLANATION = (
    "How strongly the last hidden state h(T) of the recurrent layers depends on their input x(t), "
    "by the number of time steps between them: the Frobenius norm of the derivative, relative to "
    "the largest. In bidirectional layers, h(T) is the forward half. Below: the number of steps "
    "that contain 90 % of the sum of all norms."
)


def draw_influence(influences: Mapping[str, np.ndarray], path: File, title: str) -> None:
    """Plots gradient norms by distance, a line for each network, as a PNG.

    Args:
        influences: dictionary from the network's name to its gradient norms `(steps,)`, from
            distance 0 on; at most two.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    figure = new_figure(9.0, 3.4)
    axes = figure.subplots()
    styles = zip((BLUE, VERMILION), ("-", "--"), strict=True)
    for (name, influence), (color, line) in zip(influences.items(), styles, strict=False):
        relative = influence / influence.max()
        relative = np.where(relative > _SMALLEST, relative, np.nan)
        label = f"{for_picture(name, _LONGEST_NAME)}: 90 % within {reach(influence)} steps"
        axes.semilogy(relative, color=color, linestyle=line, label=label)
    axes.set(xlabel="distance T − t in time steps", ylabel="norm of d h(T) / d x(t), relative")
    count_along_x(axes)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.16), frameon=False)
    write_head(figure, title, _EXPLANATION)
    save(figure, path)


def reach(influence: np.ndarray, share: float = 0.9) -> int:
    """Returns the distance within which a share of the influence lies.

    Args:
        influence: array `(steps,)`, as `influence_by_distance` returns it.
        share: float in (0, 1].

    Example:

    >>> reach(np.array([4.0, 3.0, 2.0, 1.0]), share=0.7)
    1
    """
    total = np.cumsum(influence)
    return int(np.argmax(total >= share * total[-1]))

"""Plot of the perplexity of a language model by the position of the token in its text."""

from collections.abc import Sequence

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.colors import BLUE
from nrnm_keras.plots.sheet import write_head
from nrnm_keras.typing import File

_EXPLANATION = (
    "The perplexity of the tokens at each range of positions, counted from the start of the text. "
    "Texts often begin alike, so the first tokens are the easiest. A model that remembers longer "
    "gains on others at late positions. Only long texts have late tokens."
)


def draw_perplexity_by_position(
    labels: Sequence[str], perplexities: Sequence[float], path: File, title: str
) -> None:
    """Plots the perplexity of each range of positions, as a PNG.

    Args:
        labels: list of strings, the ranges.
        perplexities: list of floats.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    figure = new_figure(6.0, 3.0)
    axes = figure.subplots()
    axes.plot(range(len(labels)), perplexities, color=BLUE, marker="o")
    axes.set_xticks(range(len(labels)), labels)
    axes.set(xlabel="position of the token in the text", ylabel="perplexity")
    axes.grid(alpha=0.3)
    write_head(figure, title, _EXPLANATION)
    save(figure, path)

"""What all plots share: whether matplotlib is installed, empty figures, and saving."""

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator

from nrnm_keras.typing import Axes, Figure, File

DOTS_PER_INCH = 100
# For the longer side of a drawing area. Each plot has bounds of its own and stays well below.
_MOST_DOTS = 4000


def can_draw() -> bool:
    """Returns whether matplotlib, an optional dependency, is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty matplotlib `Figure` that is all drawing area.

    Text outside the area, such as labels and the title, makes the saved image larger.

    Args:
        width: of the area, in inches.
        height: of the area, in inches.
    """
    # Without pyplot, which would choose a window system and keep every figure in memory.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(left=0, bottom=0, right=1, top=1, wspace=0, hspace=0)
    return figure


def count_along_x(axes: Axes) -> None:
    """Uses only whole numbers on the horizontal axis: steps, frames or epochs."""
    axes.xaxis.get_major_locator().set_params(integer=True)


def save(figure: Figure, path: File) -> None:
    """Saves a figure as a PNG of bounded size that includes all text.

    Args:
        figure: from `new_figure`.
        path: path, of any suffix, or binary file.
    """
    with missing_glyphs_allowed():
        figure.savefig(
            path,
            format="png",
            dpi=min(DOTS_PER_INCH, _MOST_DOTS / max(figure.get_size_inches())),
            facecolor="white",
            bbox_inches="tight",
            pad_inches=0.15,
        )


@contextlib.contextmanager
def missing_glyphs_allowed() -> Iterator[None]:
    """Silences the warning about characters that the font lacks; they become boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield

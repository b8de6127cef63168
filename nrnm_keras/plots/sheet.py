"""Axes placed by inches, and titles with explanations."""

import textwrap

from nrnm_keras.typing import Axes, Figure
from pipelines.escaping import for_picture

_INCHES_PER_CHARACTER = 0.073  # of the explanation, about
_LINE = 0.17
_LEAST_CHARACTERS = 60
LONGEST_TITLE = 300
_LONGEST_EXPLANATION = 3000


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Adds axes at a place in inches from the upper left corner, and returns them."""
    across, down = figure.get_size_inches()
    return figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )


def write_head(figure: Figure, title: str, explanation: str = "") -> None:
    """Writes a title and, in smaller print, an explanation above the drawing area."""
    across, down = figure.get_size_inches()
    width = max(_LEAST_CHARACTERS, int(across / _INCHES_PER_CHARACTER))
    lines = for_picture(explanation, _LONGEST_EXPLANATION).splitlines()
    lines = [part for line in lines for part in textwrap.wrap(line, width)]
    style = {"va": "bottom", "ha": "left"}
    bottom = 1 + 0.12 / down
    figure.text(0, bottom, "\n".join(lines), fontsize=9, linespacing=1.3, **style)
    title = textwrap.fill(for_picture(title, LONGEST_TITLE), int(0.8 * width))
    figure.text(0, bottom + (len(lines) * _LINE + 0.08) / down, title, fontsize=12, **style)


def number_drawn(drawn: int, there_are: int, what: str) -> str:
    """Returns a sentence on how many things are drawn, or an empty string if all are.

    Example:

    >>> number_drawn(8, 1200, "frames"), number_drawn(8, 8, "frames")
    ('The first 8 of 1,200 frames are drawn.', '')
    """
    return "" if drawn >= there_are else f"The first {drawn:,} of {there_are:,} {what} are drawn."


def noted(title: str, *notes: str) -> str:
    """Returns a title followed by sentences of `number_drawn`.

    Example:

    >>> noted("Frames", "", "The first 8 of 9 frames are drawn.")
    'Frames. The first 8 of 9 frames are drawn.'
    """
    return " ".join([title + "." * any(notes), *filter(None, notes)])

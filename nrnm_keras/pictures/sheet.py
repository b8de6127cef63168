"""What is placed on a picture by inches: axes, and the title with its explanation."""

import textwrap

from pipelines.escaping import for_picture

_INCHES_PER_CHARACTER = 0.073  # of the explanation, about
_LINE = 0.17
_LEAST_CHARACTERS = 60
_LONGEST_NAME = 14
LONGEST_TITLE = 300
_LONGEST_EXPLANATION = 3000


def place(figure, left, top, width, height):
    """Adds axes at a place in inches from the upper left corner, and returns them."""
    across, down = figure.get_size_inches()
    return figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )


def write_head(figure, title, explanation=""):
    """Writes a title and, smaller, lines that explain the picture, above the drawing area."""
    across, down = figure.get_size_inches()
    width = max(_LEAST_CHARACTERS, int(across / _INCHES_PER_CHARACTER))
    lines = for_picture(explanation, _LONGEST_EXPLANATION).splitlines()
    lines = [part for line in lines for part in textwrap.wrap(line, width)]
    style = {"va": "bottom", "ha": "left"}
    bottom = 1 + 0.12 / down
    figure.text(0, bottom, "\n".join(lines), fontsize=9, linespacing=1.3, **style)
    title = textwrap.fill(for_picture(title, LONGEST_TITLE), int(0.8 * width))
    figure.text(0, bottom + (len(lines) * _LINE + 0.08) / down, title, fontsize=12, **style)


def shorten(name):
    """Returns a name of at most 14 characters."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"

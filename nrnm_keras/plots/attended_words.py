"""Plot of a text: the attention that its words received, and its running prediction."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.colors import BLUE, ORANGE, SMALL_RATIO, scale_limits
from nrnm_keras.plots.running_prediction import (
    explain_running_prediction,
    plot_running_prediction,
)
from nrnm_keras.plots.sheet import number_drawn, place, write_head
from nrnm_keras.plots.text_reading import TextReading
from nrnm_keras.typing import Axes, Figure, File
from pipelines.escaping import cut, for_picture, for_terminal

_WIDTH = 11.0  # inches, of the text
WORD_LINE = 0.29
_SCALE_WIDTH, _SCALE = 1.4, 0.55
_SPACE = 0.09
_LINE_NUMBER = 0.45
_FONT_SIZE = 10
_CURVE_HEIGHT = 2.3
_MOST_WORDS, _MOST_LINES = 800, 80
LONGEST_WORD = 40  # characters
_LONGEST_NAME = 12  # above a scale


def draw_attended_words(reading: TextReading, path: File, title: str) -> None:
    """Plots the words of a text shaded by attention, and its running prediction, as a PNG.

    Args:
        reading: `TextReading`.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    words = flow_words(reading, _WIDTH)
    drawn = 1 + max(index for *_, index in words if index is not None)
    height = WORD_LINE * (1 + words[-1][1])
    figure = new_figure(_WIDTH, height + 0.35 + _CURVE_HEIGHT)
    axes = place(figure, 0, 0, _WIDTH, height)
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    limits = scale_limits(*attention_limits(reading))
    draw_words(axes, words, reading, limits)
    curve = place(figure, 0.55, height + 0.35, _WIDTH - 0.55, _CURVE_HEIGHT)
    plot_running_prediction(curve, reading.running, reading.class_names, "word")
    name = for_picture(reading.class_names[reading.label], _LONGEST_NAME)
    scales: list[tuple[str, tuple, str]] = [(BLUE, (0, 1), f"probability of {name}")]
    if reading.has_attention:
        scales.insert(0, (ORANGE, limits, "attention received"))
    draw_scales(figure, _WIDTH + 0.25, height + 0.35 + _CURVE_HEIGHT, scales)
    write_head(figure, title, f"{explain(reading, drawn)}\n{_explain_curve(reading)}")
    save(figure, path)


def explain(reading: TextReading, drawn: int | None = None) -> str:
    """Returns a description of the shades and of the lines below words.

    Args:
        reading: `TextReading`.
        drawn: the number of words that are drawn. Default: as many as fit on a plot.
    """
    sentences = []
    if reading.has_attention:
        sentences.append(
            "The darker a word's shade, the more attention it received from the memory's writes: "
            "the mean over all writes whose block contains it, their heads and slots; 1 is uniform "
            "attention to the write's source units."
        )
        least, most = attention_limits(reading)
        if most < SMALL_RATIO * least:
            sentences.append("Here, all words received nearly the same attention.")
        if np.isnan(reading.received).any():
            sentences.append("No write's block contains the words in gray.")
    else:
        sentences.append(f"No word is shaded: {reading.why_no_attention}.")
    name = cut(for_terminal(reading.class_names[reading.label]), LONGEST_WORD)
    sentences.append(f"The bluer the line below a word, the more probable {name} is after it.")
    if not reading.is_known.all():
        sentences.append("Words in italics are not in the vocabulary.")
    drawn = min(len(reading.words), _MOST_WORDS) if drawn is None else drawn
    sentences.append(number_drawn(drawn, len(reading.words), "words"))
    return " ".join(filter(None, sentences))


def shade(value: float, low: float, high: float, color: str = ORANGE) -> str:
    """Mixes white with a color: white for values up to `low` and for NaN.

    Args:
        value: number.
        low: number.
        high: the number that gets the color itself.
        color: hexadecimal digits behind a #.

    Example:

    >>> shade(1.5, 1.0, 2.0, "#ff0000"), shade(float("nan"), 1.0, 2.0)
    ('#ff8080', '#ffffff')
    """
    share = 0.0 if np.isnan(value) or high <= low else np.clip((value - low) / (high - low), 0, 1)
    full = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in full)


def attention_limits(reading: TextReading) -> tuple[float, float]:
    """Returns the least and the most attention that a word received; (0, 0) if none did."""
    if not reading.has_attention:
        return 0.0, 0.0
    return float(np.nanmin(reading.received)), float(np.nanmax(reading.received))


def _explain_curve(reading):
    return "Below: " + explain_running_prediction(reading.running, reading.class_names, "word")


def flow_words(reading: TextReading, across: float) -> list[tuple]:
    """Returns (text, line, left, width, index of the word or None) of the words that fit.

    Args:
        reading: `TextReading`.
        across: width of a line, in inches.
    """
    written: list[tuple] = []
    line, left = 0, _LINE_NUMBER
    for index, word in enumerate(reading.words[:_MOST_WORDS]):
        parts: list[tuple[str, int | None]] = [(cut(for_terminal(word), LONGEST_WORD), index)]
        if reading.num_cut and index == reading.cut_at:
            parts.insert(0, (f"[ … {reading.num_cut} words are not read … ]", None))
        for text, word_index in parts:
            width = _width(text)
            if left + width > across:
                line, left = line + 1, _LINE_NUMBER
                if line == _MOST_LINES:
                    return written
            written.append((text, line, left, width, word_index))
            left += width + _SPACE
    return written


def _width(text):
    """Returns the width of a text in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=_FONT_SIZE)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def draw_words(
    axes: Axes,
    words: Sequence[tuple],
    reading: TextReading,
    limits: tuple[float, float],
    has_lines: bool = True,
) -> None:
    """Draws words from `flow_words` into matplotlib axes, whose units are inches.

    Args:
        axes: with the origin at the upper left corner.
        words: list of tuples.
        reading: `TextReading`.
        limits: the attention of white words and of the darkest ones.
        has_lines: whether the lines below words show the probability.
    """
    from matplotlib.patches import Rectangle

    probability = reading.probability_by_word
    numbered = -1
    for text, line, left, width, index in words:
        top = line * WORD_LINE
        style: dict[str, Any] = {"fontsize": _FONT_SIZE, "parse_math": False}
        style["va"] = "center_baseline"
        middle = top + 0.42 * WORD_LINE
        if index is None:
            axes.text(left, middle, text, color="dimgrey", **style)
            continue
        if line != numbered:
            number = {**style, "fontsize": 7}
            axes.text(0.3, middle, index + 1, color="dimgrey", ha="right", **number)
            numbered = line
        left_edge, box = left - 0.4 * _SPACE, width + 0.8 * _SPACE
        color = shade(reading.received[index], *limits)
        axes.add_patch(Rectangle((left_edge, top), box, 0.8 * WORD_LINE, color=color, linewidth=0))
        if has_lines:
            color, low = shade(probability[index], 0, 1, BLUE), top + 0.82 * WORD_LINE
            line_box = Rectangle((left_edge, low), box, 0.1 * WORD_LINE, color=color, linewidth=0)
            axes.add_patch(line_box)
        is_taken = not reading.has_attention or not np.isnan(reading.received[index])
        style["color"] = "black" if is_taken else "dimgrey"
        style["style"] = "normal" if reading.is_known[index] else "italic"
        axes.text(left, middle, text, **style)


def draw_scales(
    figure: Figure, left: float, bottom: float, scales: Sequence[tuple[str, tuple, str]]
) -> None:
    """Draws color scales above each other, on the right of the curves.

    Args:
        figure: matplotlib figure.
        left: the place of the scales, in inches from the left.
        bottom: the place of their lower end, in inches from above.
        scales: list of tuples: the color at the upper limit, the limits, and what is shown.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    for number, (color, limits, label) in enumerate(reversed(scales)):
        top = bottom - _SCALE * number - 0.3
        bar = place(figure, left, top, _SCALE_WIDTH, 0.12)
        colors = LinearSegmentedColormap.from_list("shades", ["white", color])
        scale = ScalarMappable(Normalize(*limits), colors)
        figure.colorbar(scale, cax=bar, orientation="horizontal")
        bar.tick_params(labelsize=8, length=2, pad=2)
        bar.set_title(label, fontsize=9, pad=4, loc="left")

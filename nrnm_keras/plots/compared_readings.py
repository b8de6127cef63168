"""Plot of one text that two models read: their answers, the words and the running predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nrnm_keras.plots.attended_words import (
    LONGEST_WORD,
    WORD_LINE,
    attention_limits,
    draw_scales,
    draw_words,
    flow_words,
)
from nrnm_keras.plots.canvas import count_along_x, new_figure, save
from nrnm_keras.plots.colors import BLUE, ORANGE, VERMILION
from nrnm_keras.plots.sheet import number_drawn, place, write_head
from nrnm_keras.plots.text_reading import TextReading
from nrnm_keras.typing import File
from pipelines.escaping import for_picture

_WIDTH = 8.6  # inches, of the text and the curves
_CURVE_HEIGHT, _ANSWERS, _GAP = 1.7, 0.62, 0.5
_MARKED = 3  # words whose names stand above the curves
_LEAST_MARKED = 0.5  # of the most attention that a word received
_LONGEST_NAME = 40
_STYLES = ((BLUE, "-"), (VERMILION, "--"))


def draw_compared_readings(
    readings: Sequence[TextReading], names: Sequence[str], path: File, title: str
) -> None:
    """Plots the answers of two models to a text, its words, and the probability after each word.

    Words are shaded by the attention that they received in the first model. The probability is
    that of the class that the first model predicts.

    Args:
        readings: two `TextReading`s of the same words and classes.
        names: names of the two models.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    first = readings[0]
    words = flow_words(first, _WIDTH)
    height = WORD_LINE * (1 + words[-1][1])
    curves_top = _ANSWERS + height + _GAP
    figure = new_figure(_WIDTH, curves_top + _CURVE_HEIGHT)
    _write_answers(figure, readings, names)
    axes = place(figure, 0, _ANSWERS, _WIDTH, height)
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    limits = (1.0, max(attention_limits(first)[1], 1.1))
    draw_words(axes, words, first, limits, has_lines=False)
    if first.has_attention:
        scale = (ORANGE, limits, "attention received")
        draw_scales(figure, _WIDTH + 0.25, curves_top + _CURVE_HEIGHT, [scale])
    curves = place(figure, 0.55, curves_top, _WIDTH - 0.55, _CURVE_HEIGHT)
    _draw_curves(curves, readings, names)
    drawn = 1 + max(index for *_, index in words if index is not None)
    left_out = number_drawn(drawn, len(first.words), "words")
    write_head(figure, title, f"{_explain(first)} {left_out}")
    save(figure, path)


def _explain(reading):
    if not reading.has_attention:
        return f"No word is shaded: {reading.why_no_attention}."
    return (
        "Shaded: the words that the memory attended to most (1: uniform attention). Curves: the "
        "answer after each word."
    )


def _answer(reading: TextReading) -> tuple[str, float]:
    name = for_picture(reading.class_names[reading.label], _LONGEST_NAME)
    return name, float(reading.running.probabilities[-1, reading.label])


def _write_answers(figure, readings, names):
    across, down = figure.get_size_inches()
    for i, (reading, name) in enumerate(zip(readings, names, strict=True)):
        label, probability = _answer(reading)
        color = _STYLES[i][0]
        text = f"{for_picture(name, _LONGEST_NAME)} says: {label} ({probability:.2f})"
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": color}
        figure.text(
            (0.1 + i * _WIDTH / 2) / across,
            1 - 0.25 / down,
            text,
            color=color,
            fontsize=14,
            weight="bold",
            va="center",
            bbox=box,
        )


def _draw_curves(axes, readings, names):
    first = readings[0]
    label, _ = _answer(first)
    for (color, line), reading, name in zip(_STYLES, readings, names, strict=True):
        counts, probabilities = reading.running
        axes.plot(
            counts,
            probabilities[:, first.label],
            color=color,
            linestyle=line,
            marker="o" if len(counts) == 1 else "",
            label=for_picture(name, _LONGEST_NAME),
        )
    axes.axhline(0.5, color="gray", linewidth=0.8, linestyle=":")
    axes.set(xlabel="number of words so far", ylim=(-0.03, 1.03))
    axes.set_ylabel(f"probability of {label}")
    axes.set_xlim(0.5, max(len(first.words), 2) + 0.5)
    count_along_x(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False)
    for index in _most_attended(first):
        axes.axvline(index + 1, color=ORANGE, linewidth=1, zorder=0)
        word = for_picture(first.words[index], LONGEST_WORD)
        style: dict[str, Any] = {"fontsize": 9, "ha": "center", "va": "bottom"}
        axes.text(index + 1, 1.05, word, **style)


def _most_attended(reading):
    """Returns the places of the words that received most attention, far enough from each other."""
    if not reading.has_attention:
        return []
    received = np.nan_to_num(reading.received)
    chosen: list[int] = []
    for index in np.argsort(-received, kind="stable"):
        is_much = received[index] >= _LEAST_MARKED * received.max()
        if is_much and all(abs(index - other) > len(received) / 12 for other in chosen):
            chosen.append(int(index))
    return chosen[:_MARKED]

"""Plots for texts only."""

import pathlib
from typing import TYPE_CHECKING

from nrnm_keras.inference.analysis.text_reading import read_text
from nrnm_keras.inference.pictures.explanation import why_no_attention
from nrnm_keras.plots.attended_page import write_attended_page
from nrnm_keras.plots.attended_words import draw_attended_words
from nrnm_keras.plots.text_reading import TextReading

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation


def draw_words(explanation: "Explanation", folder: pathlib.Path) -> None:
    """Draws `words.png` and `words.html`: the words of a text, and its running prediction."""
    reading = reading_of(explanation)
    title = f"Prediction: {explanation.summary}"
    draw_attended_words(reading, folder / "words.png", title)
    write_attended_page(reading, folder / "words.html", title)


def reading_of(explanation: "Explanation") -> TextReading:
    """Returns the `TextReading` of the text that an explanation is about."""
    reading = read_text(explanation.trained, explanation.raw, explanation.attentions)
    return reading._replace(why_no_attention=why_no_attention(explanation.directions))

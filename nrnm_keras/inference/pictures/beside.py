"""The plot of a text that two models read."""

import pathlib

from nrnm_keras.inference.pictures.explanation import Explanation
from nrnm_keras.inference.pictures.of_texts import reading_of
from nrnm_keras.plots.compared_readings import draw_compared_readings


def draw_beside(
    explanation: Explanation, other: Explanation, names: tuple[str, str], folder: pathlib.Path
) -> None:
    """Draws `words.png` of both models, if they read the same words and tell the same classes.

    Args:
        explanation: the `Explanation` of the first model.
        other: that of the other model, for the same input.
        names: names of the two models.
        folder: `pathlib.Path` for the plot.
    """
    both = (explanation, other)
    if any(each.trained.text_preprocessor is None or each.running is None for each in both):
        return
    readings = [reading_of(each) for each in both]
    first, second = readings
    if first.words != second.words or first.class_names != second.class_names:
        return
    kinds = [each.trained.backbone.title for each in both]
    title = "One text, two models"
    shown = kinds if kinds[0] != kinds[1] else names
    draw_compared_readings(readings, shown, folder / "words.png", title)

"""All plots of one input, which appear in a folder at once."""

import contextlib
import os
import pathlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.analysis.attention import attention_limits
from nrnm_keras.inference.pictures.explanation import Explanation, explain_input
from nrnm_keras.inference.pictures.pages import MOST_MEMORIES, pages
from nrnm_keras.plots.attention_maps import draw_attention_maps
from nrnm_keras.plots.canvas import can_draw
from nrnm_keras.plots.colors import scale_limits
from nrnm_keras.plots.running_prediction import draw_running_prediction
from pipelines import locks
from pipelines.install_hint import install_hint
from pipelines.publishing import folder_made, publish_into

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_MAPS = 18  # writes on a page


def explain(trained: "TrainedModel", value: Any, folder: str | os.PathLike) -> list[pathlib.Path]:
    """Draws what the memories attend to for one input, and the running prediction.

    - `attention_LAYER.png`: a heat map for each write to a memory, with named source units. At most
      the first 54 writes of the first 6 memories are drawn, on up to three pages each.
    - Texts with classes: `words.png` and the web page `words.html`, the text with its words shaded
      by attention, and the running prediction.
    - Skeletons: `frames_LAYER.png`, the frames of each write's block beside its attention, for the
      first 15 writes; `prediction.gif`, the moving skeleton with the running prediction.
    - Other input with classes: `prediction.png`, the running prediction; of sequence tagging, the
      classes of the steps.

    Plots of attention are left out if the model has none.

    Args:
        trained: `TrainedModel`.
        value: one raw input, as `TrainedModel.predict` takes it in a list.
        folder: created if it does not exist. Files with the names of the plots are replaced when
            all plots are drawn.

    Returns:
        List of the paths of the plots.

    Raises:
        UsageError: if the input is not what the model takes, matplotlib is missing, Keras does not
            run on TensorFlow, or the folder cannot be written.
    """
    check_environment()
    explanation = explain_input(trained, trained.as_batch([value]))
    with claimed_folder(pathlib.Path(folder)):
        return draw_into(folder, lambda fresh: draw_explanation(explanation, fresh))


def check_environment() -> None:
    """Raises a `UsageError` if nothing can be drawn here."""
    if not can_draw():
        raise UsageError(f"plots need matplotlib: {install_hint('plot')}")
    if keras.backend.backend() != "tensorflow":
        raise UsageError("drawing needs KERAS_BACKEND=tensorflow, even if JAX trained the model")


def draw_explanation(explanation: Explanation, folder: pathlib.Path) -> None:
    """Draws the plots of `explain`."""
    attentions = explanation.attentions
    limits = scale_limits(*attention_limits(attentions))
    for attention in attentions[:MOST_MEMORIES]:
        weights = attention.mean_weights
        for part, name, title in pages(attention, _MAPS, len(attentions)):
            draw_attention_maps(
                weights[part],
                attention.steps[part],
                explanation.time_steps[attention.part],
                limits,
                folder / f"attention_{name}.png",
                title,
                first_write=part.start + 1,
            )
    if explanation.running is None:
        return
    modality = explanation.trained.modality
    if not modality.draws_running:
        draw_running_prediction(
            explanation.running,
            explanation.trained.class_names,
            explanation.time_steps[""].unit,
            folder / "prediction.png",
            f"Prediction: {explanation.summary}",
        )
    modality.draw(explanation, folder)


def draw_into(folder: str | os.PathLike, draw: Callable) -> list[pathlib.Path]:
    """Draws into a folder, where all plots appear at once. Returns their paths."""
    folder = pathlib.Path(folder)
    try:
        with publish_into(folder) as fresh, warnings.catch_warnings():
            # A character that the font lacks becomes a box.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            draw(fresh)
            names = sorted(file.name for file in fresh.iterdir())
        return [folder / name for name in names]
    except OSError as error:
        raise _unusable(folder, error) from error


@contextlib.contextmanager
def claimed_folder(folder: pathlib.Path, arguments: Sequence[str] = ()) -> Iterator[locks.Lock]:
    """Waits until no other process draws there, and yields the lock that makes others wait."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_made(folder))
            task = [os.getcwd(), *arguments]
            lock = stack.enter_context(locks.claimed_folder(folder, task))
        except OSError as error:
            raise _unusable(folder, error) from error
        yield lock


def _unusable(folder, error):
    return UsageError(f"{folder} cannot be written: {error.strerror}")

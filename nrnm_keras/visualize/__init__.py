"""How a trained model comes to a prediction, drawn: `visualize`, and its command."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.analysis.influence import influence_of_parts
from nrnm_keras.inference.analysis.memory_trace import trace_memories
from nrnm_keras.inference.pictures.drawing import (
    check_environment,
    claimed_folder,
    draw_explanation,
    draw_into,
    explain,
)
from nrnm_keras.inference.pictures.explanation import explain_input
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.plots.influence import draw_influence
from nrnm_keras.plots.memory_trace import draw_memory_trace
from pipelines import locks
from pipelines.publishing import leftovers

__all__ = ["Drawn", "explain", "visualize"]


class Drawn(NamedTuple):
    """What was drawn.

    Attributes:
        paths: list of the paths of the pictures.
        left_out: what could not be drawn and why, a sentence each.
        is_repeat: whether a process that was waited for drew the same, and this one nothing.
    """

    paths: list[pathlib.Path]
    left_out: list[str]
    is_repeat: bool = False


def visualize(
    trained: TrainedModel,
    value: Any,
    folder: str | os.PathLike,
    beside: TrainedModel | None = None,
    names: tuple[str, str] = ("the model", "the other"),
    task: Sequence[str] = (),
) -> Drawn:
    """Draws how a model comes to its prediction for one input.

    Besides the pictures of `explain` there are `memory.png`, how full the memories are over time
    and how open their gates; and `influence.png`, how far back the network's state depends on its
    input. Of a pair of texts each text has its own.

    Args:
        trained: the `TrainedModel`.
        value: one raw input, as `TrainedModel.predict` takes it in a list.
        folder: a new or an empty folder; all pictures appear in it at once.
        beside: another model of the same data, whose influence is drawn beside.
        names: what the two are called.
        task: words that a process that does the same has, too: the second one does nothing.

    Raises:
        UsageError: if something about input or folder is wrong, or matplotlib is missing.
    """
    check_environment()
    folder = pathlib.Path(folder).expanduser()
    check_output(folder)
    if beside:
        _check_beside(trained, beside, names[1])
    with claimed_folder(folder, task) as lock:
        if lock.repeats and not is_empty(folder):
            return Drawn([], [], is_repeat=True)
        _check_empty(folder)
        raw = trained.as_batch([value])
        explanation = explain_input(trained, raw)
        networks = dict(zip(names, (trained, beside), strict=True))

        def draw(fresh):
            draw_explanation(explanation, fresh)
            _draw_memories(explanation, fresh)
            _draw_influence(networks, raw, fresh)

        return Drawn(draw_into(folder, draw), explanation.left_out)


def check_output(folder: pathlib.Path) -> None:
    """Raises a `UsageError` if a folder is there and has files of its own.

    A folder with a lock's file is looked at after the process that has it was waited for.
    """
    if not (folder / locks.FILE_NAME).exists():
        _check_empty(folder)


def is_empty(folder: pathlib.Path) -> bool:
    """Whether a folder holds at most what belongs to a process that draws into it, or did."""
    passing = {folder / locks.FILE_NAME, *leftovers(folder)}
    return folder.is_dir() and set(folder.iterdir()) <= passing


def _check_empty(folder):
    if os.path.lexists(folder) and not is_empty(folder):
        raise UsageError(f"--output={folder} is not an empty folder; choose another")


def _check_beside(trained, beside, name):
    shapes = [model.model.inputs[0].shape for model in (trained, beside)]
    if beside.kind != trained.kind or shapes[0] != shapes[1]:
        raise UsageError(
            f"--beside={name} takes {beside.modality.plural} {shapes[1]}, the other model "
            f"{trained.modality.plural} {shapes[0]}; expected two models of the same data"
        )


def _draw_memories(explanation, folder):
    for part, time_steps in explanation.time_steps.items():
        directions = [each for each in explanation.directions if each.part == part]
        if traces := trace_memories(directions):
            name = f"memory_{part}.png" if part else "memory.png"
            draw_memory_trace(traces, time_steps, folder / name, "The memory over time")


def _draw_influence(networks, raw, folder):
    influences = {}
    for name, trained in networks.items():
        if trained is None:
            continue
        title = f"{trained.backbone.title} ({name})"
        for part, influence in influence_of_parts(trained, raw).items():
            influences[f"{title}, {part}" if part else title] = influence
    title = "How far back the network's state depends on its input"
    draw_influence(influences, folder / "influence.png", title)

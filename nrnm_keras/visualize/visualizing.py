"""Plots that explain a prediction of a trained model."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.analysis.influence import influence_of_parts
from nrnm_keras.inference.analysis.memory_trace import trace_memories
from nrnm_keras.inference.pictures.beside import draw_beside
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
from nrnm_keras.visualize.output_folder import check_empty, check_output, is_empty

__all__ = ["Drawn", "explain", "visualize"]


class Drawn(NamedTuple):
    """The plots that were drawn.

    Attributes:
        paths: list of the paths of the plots.
        left_out: what could not be drawn and why, one sentence each.
        is_repeat: whether this process waited for another that drew the same, and did nothing.
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
    """Draws plots that explain a model's prediction for one input.

    These are the plots of `explain`; `memory.png`, the norms of the memories and the openness of
    their gates over time; and `influence.png`, how far back the network's state depends on its
    input. For a pair of texts, each text has its own plots. With another model of the same texts
    and classes, `words.png` has both answers.

    Args:
        trained: the `TrainedModel`.
        value: one raw input, as `TrainedModel.predict` takes it in a list.
        folder: a new or empty folder; all plots appear in it at once.
        beside: another model of the same data, to compare the influence with.
        names: names of the two models in the legend.
        task: words that identify the job. Of two processes with the same job, the second waits for
            the first and does nothing.

    Raises:
        UsageError: if the input or the folder cannot be used, or matplotlib is missing.
    """
    check_environment()
    folder = pathlib.Path(folder).expanduser()
    check_output(folder)
    if beside:
        _check_beside(trained, beside, names[1])
    with claimed_folder(folder, task) as lock:
        if lock.repeats and not is_empty(folder):
            return Drawn([], [], is_repeat=True)
        check_empty(folder)
        raw = trained.as_batch([value])
        explanation = explain_input(trained, raw)
        networks = dict(zip(names, (trained, beside), strict=True))

        def draw(fresh):
            draw_explanation(explanation, fresh)
            _draw_memories(explanation, fresh)
            _draw_influence(networks, raw, fresh)
            if beside:
                draw_beside(explanation, explain_input(beside, raw), names, fresh)

        return Drawn(draw_into(folder, draw), explanation.left_out)


def _check_beside(trained, beside, name):
    shapes = [model.model.inputs[0].shape for model in (trained, beside)]
    if beside.kind != trained.kind or shapes[0] != shapes[1]:
        raise UsageError(
            f"--beside={name} takes {beside.modality.plural} {shapes[1]}, but --run takes "
            f"{trained.modality.plural} {shapes[0]}; expected two models of the same data"
        )


def _draw_memories(explanation, folder):
    for part, time_steps in explanation.time_steps.items():
        directions = [each for each in explanation.directions if each.part == part]
        traces = trace_memories(directions)
        if any(len(trace.writes) for trace in traces):  # otherwise it is zero
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

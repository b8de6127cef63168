"""Explanation: everything to draw about one input."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nrnm_keras.inference.analysis.attention import Attention, attention_of_writes
from nrnm_keras.inference.analysis.directions import Direction, recurrent_directions
from nrnm_keras.inference.analysis.running_prediction import RunningPrediction
from nrnm_keras.inference.modalities.modality import TimeSteps

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class Explanation(NamedTuple):
    """What explains a model's prediction for one input.

    Attributes:
        trained: the `TrainedModel`.
        raw: a batch of the one raw input, as the model takes it.
        directions: list of `Direction`.
        attentions: list of `Attention`, of the memories that attend.
        time_steps: the `TimeSteps` of each part of the input, by name; one part has `""`.
        running: the `RunningPrediction`, None if the model has none.
        summary: the prediction in a few words; empty if there is no running prediction.
    """

    trained: Any
    raw: Any
    directions: list[Direction]
    attentions: list[Attention]
    time_steps: dict[str, TimeSteps]
    running: RunningPrediction | None
    summary: str

    @property
    def left_out(self) -> list[str]:
        """What cannot be drawn and why, one sentence each."""
        reasons = []
        if not self.attentions:
            reasons.append(f"no attention is drawn: {why_no_attention(self.directions)}")
        if self.running is None:
            reason = self.trained.output.why_not_running
            reasons.append(f"no running prediction is drawn: {reason}")
        return reasons


def explain_input(trained: "TrainedModel", raw: Any) -> Explanation:
    """Returns the `Explanation` of a batch of one raw input, as the model takes it."""
    directions = recurrent_directions(trained, raw)
    running = trained.output.running_prediction(trained, raw)
    return Explanation(
        trained,
        raw,
        directions,
        attention_of_writes(directions),
        trained.modality.name_time_steps(raw),
        running,
        "" if running is None else trained.output.summary_of_running(running.probabilities),
    )


def why_no_attention(directions: list[Direction]) -> str:
    """Explains why no memory has attended to anything."""
    memories = [direction for direction in directions if direction.has_memory]
    if not memories:
        return "the model has no memory"
    if memories[0].layer.cell.interaction != "self_attention":
        return "the memory of the model mixes its block without attention"
    cell, mask = memories[0].layer.cell, memories[0].mask
    steps = memories[0].sequences.shape[1] if mask is None else int(np.sum(mask))
    first = math.ceil(cell.block_size / cell.window_size) * cell.window_size
    return (
        f"the memory is not yet written to after {steps} time steps; the first write comes after "
        f"{first}"
    )

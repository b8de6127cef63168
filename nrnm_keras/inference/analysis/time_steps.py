"""What the time steps of a model stand for: words, frames, or themselves."""

from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.typing import Tensor


def name_time_steps(trained: TrainedModel, raw: Tensor, part: str = "") -> TimeSteps:
    """Returns the `TimeSteps` of an input.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
        part: which part of it, if it has several.
    """
    return trained.modality.name_time_steps(raw)[part]

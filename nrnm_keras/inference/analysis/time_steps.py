"""What the time steps of a model stand for: words, frames, or themselves."""

from typing import TYPE_CHECKING

from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:  # it has methods that call these
    from nrnm_keras.inference.trained_model import TrainedModel


def name_time_steps(trained: "TrainedModel", raw: Tensor, part: str = "") -> TimeSteps:
    """Returns the `TimeSteps` of an input.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
        part: which part of it, if it has several.
    """
    return trained.modality.name_time_steps(raw)[part]

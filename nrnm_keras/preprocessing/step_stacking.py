"""StepStacking: fewer and wider steps."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, StepState, Tensor


def number_stacked(network: keras.Sequential) -> int:
    """Returns the number of steps that become one in a network; 1 without `StepStacking`."""
    return next((each.steps for each in network.layers if isinstance(each, StepStacking)), 1)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class StepStacking(layers.Layer):
    """Joins neighboring steps into one, with their features side by side.

    The recurrent layers then run a fraction of the steps, in a fraction of the time. In speech
    recognition this is called frame stacking (Sak et al., Interspeech 2015).

    Args:
        steps: Positive integer, number of steps that become one.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        `(batch, ceil(timesteps / steps), steps * features)`, with zeros for masked steps and after
        the last one. Its mask is False where all joined steps are masked.

    Raises:
        ValueError: if `steps` is not positive.

    Example:

    >>> StepStacking(2)(np.array([[[1.0], [2.0], [3.0]]])).numpy().tolist()
    [[[1.0, 2.0], [3.0, 0.0]]]
    """

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if steps < 1:
            raise ValueError(f"Argument `steps` must be at least 1. Received: steps={steps!r}")
        self.steps = steps
        self.supports_masking = True

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the joined steps."""
        if mask is not None:
            is_step = ops.expand_dims(mask, -1)
            sequences = ops.where(is_step, sequences, ops.zeros_like(sequences))
        return self._join(sequences)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Returns the mask of the joined steps."""
        if previous_mask is None:
            return None
        mask = ops.expand_dims(ops.cast(previous_mask, "int32"), -1)
        return ops.any(self._join(mask) > 0, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the joined steps."""
        batch_size, timesteps, features = input_shape
        joined = None if timesteps is None else -(-timesteps // self.steps)
        return (batch_size, joined, self.steps * features)

    def initial_step_state(self, batch_size: int | Tensor) -> StepState:
        """Raises a ValueError if several steps become one: a single step is not enough then."""
        if self.steps > 1:
            raise ValueError(
                f"StepStacking layers need the whole sequence. Received: steps={self.steps}"
            )
        return {}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "steps": self.steps}

    def _join(self, x):
        more = self.steps - 1
        x = ops.pad(x, ((0, 0), (0, more), (0, 0)))
        # Every part ends with the last group of steps. Sizes need not be known for this.
        parts = [x[:, i : (i - more) or None : self.steps] for i in range(self.steps)]
        return ops.concatenate(parts, axis=-1)

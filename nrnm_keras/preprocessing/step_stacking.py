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
    """Joins neighboring steps into one.

    The recurrent layers then run a fraction of the steps, in a fraction of the time. In speech
    recognition this is called frame stacking (Sak et al., Interspeech 2015).

    Args:
        steps: Positive integer, number of steps that become one.
        mode: `"concatenate"`: their features are side by side; or `"sum"`: they are added. A sum
            has fewer features, and words in it mean the same at every place.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        `(batch, ceil(timesteps / steps), steps * features)`, or `features` for a sum, with zeros
        for masked steps and after the last one. Its mask is False where all joined steps are
        masked.

    Raises:
        ValueError: if `steps` is not positive, or `mode` is another one.

    Example:

    >>> StepStacking(2)(np.array([[[1.0], [2.0], [3.0]]])).numpy().tolist()
    [[[1.0, 2.0], [3.0, 0.0]]]
    """

    def __init__(self, steps: int, mode: str = "concatenate", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if steps < 1:
            raise ValueError(f"Argument `steps` must be at least 1. Received: steps={steps!r}")
        if mode not in ("concatenate", "sum"):
            raise ValueError(
                f'Argument `mode` must be "concatenate" or "sum". Received: mode={mode!r}'
            )
        self.steps, self.mode = steps, mode
        self.supports_masking = True

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the joined steps."""
        if mask is not None:
            is_step = ops.expand_dims(mask, -1)
            sequences = ops.where(is_step, sequences, ops.zeros_like(sequences))
        parts = self._parts(sequences)
        return sum(parts[1:], parts[0]) if self.mode == "sum" else ops.concatenate(parts, axis=-1)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Returns the mask of the joined steps."""
        if previous_mask is None:
            return None
        mask = ops.expand_dims(ops.cast(previous_mask, "int32"), -1)
        return ops.any(ops.concatenate(self._parts(mask), axis=-1) > 0, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the joined steps."""
        batch_size, timesteps, features = input_shape
        joined = None if timesteps is None else -(-timesteps // self.steps)
        return (batch_size, joined, features if self.mode == "sum" else self.steps * features)

    def initial_step_state(self, batch_size: int | Tensor) -> StepState:
        """Raises a ValueError if several steps become one: a single step is not enough then."""
        if self.steps > 1:
            raise ValueError(
                f"StepStacking layers need the whole sequence. Received: steps={self.steps}"
            )
        return {}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "steps": self.steps, "mode": self.mode}

    def _parts(self, x):
        """Returns the first of the steps that are joined, the second, and so on."""
        more = self.steps - 1
        x = ops.pad(x, ((0, 0), (0, more), (0, 0)))
        # Every part ends with the last group of steps. Sizes need not be known for this.
        return [x[:, i : (i - more) or None : self.steps] for i in range(self.steps)]

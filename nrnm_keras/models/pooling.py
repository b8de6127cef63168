"""SequencePooling: sequences to vectors."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.models.running_mean import count_more, update_mean
from nrnm_keras.typing import Config, Shape, StepState, Tensor

# The value of masked steps, for the maximum.
_LOWEST = {"float16": -65504.0}


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SequencePooling(layers.Layer):
    """Pools the valid steps of each sequence into one vector.

    Args:
        mode: `"last"`, the last valid step (Eqs. 9 and 10 of the ICCV paper start from it);
            `"mean"`; `"max"`; or `"mean_max"`, both concatenated.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        `(batch, features)`, or `(batch, 2 * features)` with `"mean_max"`. Zeros for a sequence
        without any valid step.

    Raises:
        ValueError: for an unknown mode.

    Example:

    >>> SequencePooling("mean")(np.ones((2, 5, 3)), mask=np.ones((2, 5), "bool")).shape
    TensorShape([2, 3])
    """

    MODES = ("last", "mean", "max", "mean_max")

    def __init__(self, mode: str = "last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in self.MODES:
            raise ValueError(
                f"Argument `mode` must be one of {self.MODES}. Received: mode={mode!r}"
            )
        self.mode = mode

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the pooled sequences."""
        if mask is None:
            mask = ops.ones(ops.shape(sequences)[:2], "bool")
        batch_size, mask = ops.shape(sequences)[0], ops.cast(mask, "bool")
        for axis in (0, 1):
            sequences, mask = at_least_one(sequences, axis), at_least_one(mask, axis)
        mask = ops.expand_dims(mask, -1)
        pooled = [getattr(self, f"_{part}")(sequences, mask) for part in self.mode.split("_")]
        pooled = ops.concatenate(pooled, axis=-1)
        return ops.where(ops.any(mask, axis=1), pooled, ops.zeros_like(pooled))[:batch_size]

    def initial_step_state(self, batch_size: int, features: int) -> StepState:
        """Returns the initial state of `step`: zeros, by name.

        The state has a float32 tensor `(batch, features)` for each part of the mode, one for the
        rounding error of the mean, and the number of valid steps, int32 `(batch, 1)`.
        """
        names = [f"pooled_{part}" for part in self.mode.split("_")]
        if "pooled_mean" in names:
            names.append("pooled_mean_rest")
        state = {name: ops.zeros((batch_size, features), "float32") for name in names}
        return {**state, "pooled_steps": ops.zeros((batch_size, 1), "int32")}

    def step(self, inputs: Tensor, mask: Tensor, state: StepState) -> tuple[Tensor, StepState]:
        """Pools one more step.

        Args:
            inputs: `(batch, features)`.
            mask: Booleans `(batch, 1)`, False for rows whose state does not change.
            state: dictionary that `initial_step_state` or the previous step returned.

        Returns:
            The result of `call` for all steps so far, `(batch, features)` or with `"mean_max"`
            `(batch, 2 * features)`, and the new state. The mean is exact for up to 2^31 steps, two
            years at 30 per second; after that, the oldest steps lose weight.
        """
        inputs = ops.cast(inputs, "float32")
        new = {"pooled_steps": count_more(state["pooled_steps"], mask)}
        for part in self.mode.split("_"):
            for name, value in getattr(self, f"_{part}_step")(inputs, state, new).items():
                new[name] = ops.where(mask, value, state[name])
        pooled = [new[f"pooled_{part}"] for part in self.mode.split("_")]
        return ops.cast(ops.concatenate(pooled, axis=-1), self.compute_dtype), new

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the pooled sequences."""
        return (input_shape[0], input_shape[-1] * len(self.mode.split("_")))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: the outputs have no steps."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}

    def _last(self, sequences, mask):
        steps = ops.reshape(ops.arange(ops.shape(sequences)[1]), (1, -1, 1))
        last = ops.max(ops.where(mask, steps, 0), axis=1, keepdims=True)
        return ops.squeeze(ops.take_along_axis(sequences, last, axis=1), axis=1)

    def _mean(self, sequences, mask):
        # In float32 and integers: half precision cannot count the steps of a long sequence.
        total = ops.sum(ops.cast(ops.where(mask, sequences, 0), "float32"), axis=1)
        count = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1), 1)
        return ops.cast(total / ops.cast(count, "float32"), sequences.dtype)

    def _max(self, sequences, mask):
        # Finite, as ONNX multiplies masked values by zero.
        dtype = keras.backend.standardize_dtype(sequences.dtype)
        lowest = ops.cast(_LOWEST.get(dtype, -3e38), dtype)
        return ops.max(ops.where(mask, sequences, lowest), axis=1)

    def _last_step(self, inputs, old, new):
        return {"pooled_last": inputs}

    def _mean_step(self, inputs, old, new):
        count = ops.maximum(new["pooled_steps"], 1)
        mean, rest = update_mean(old["pooled_mean"], old["pooled_mean_rest"], inputs, count)
        return {"pooled_mean": mean, "pooled_mean_rest": rest}

    def _max_step(self, inputs, old, new):
        is_first = old["pooled_steps"] == 0
        return {"pooled_max": ops.where(is_first, inputs, ops.maximum(old["pooled_max"], inputs))}

"""StreamingNetwork: a trained network that is fed step by step."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from nrnm_keras.models.step_by_step import StepByStep
from nrnm_keras.typing import Tensor


class StreamingNetwork(keras.Model):
    """One step of a network: the next frame or token in, the results so far out.

    Fed a sequence step by step it gives what the network gives for the whole of it, in constant
    memory and without a loop. Shares the network's weights.

    Args:
        network: a built `keras.Sequential`; see `StepByStep`.
        step_name: name of the next step among the inputs.
        results: function from the network's output after a step to a dictionary of results.

    Call arguments:
        inputs: dictionary of the next step `(batch, ...)` under its name, and the state. A step
            that the network masks, such as token 0 or a frame without a body, is passed over.

    Returns:
        Dictionary of the results and the new state, each of whose tensors has the name that it
        had, with `next_` before it.

    Raises:
        ValueError: if a layer needs whole sequences.
    """

    def __init__(
        self, network: keras.Sequential, step_name: str, results: Callable[..., dict], **kwargs: Any
    ) -> None:
        # Without autocast: half precision would round the state. Each layer casts its own inputs.
        super().__init__(autocast=False, **kwargs)
        self.network = network
        self.step_name = step_name
        self._results = results
        self._steps = StepByStep(network.layers)

    def initial_state(self, batch_size: int | Tensor) -> dict:
        """Returns the state before the first step, zeros by name."""
        return self._steps.initial_state(batch_size)

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Runs one step."""
        state = dict(inputs)
        x = ops.expand_dims(state.pop(self.step_name), 1)
        outputs, _, new = self._steps.step(x, None, state)
        return {**self._results(outputs), **{f"next_{name}": new[name] for name in state}}

"""StreamingClassifier: a trained network that runs step by step."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.typing import StepState, Tensor


class StreamingClassifier(keras.Model):
    """One step of a network: takes the next frame or token, returns the probabilities so far.

    After every step, the probabilities are those of the network for the sequence so far, in
    constant memory and without a loop. The weights are shared with the network.

    Args:
        network: a built `keras.Sequential` that ends in a `SequenceClassifier`. Layers that
            depend on several steps have methods `initial_step_state` and `step`, as it has; other
            layers take each step as a sequence of length 1.
        step_name: name of the next step among the inputs.

    Call arguments:
        inputs: dictionary of the next step `(batch, ...)` by its name, and the state. Steps that
            the network masks, such as token 0 or a frame without a body, are skipped.

    Returns:
        Dictionary of `probabilities` `(batch, classes)` and the new state, whose names are prefixed
        with `next_`.

    Raises:
        ValueError: if a layer needs whole sequences.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone, SequenceClassifier
    >>> classifier = SequenceClassifier(RecurrentBackbone(8), num_classes=3)
    >>> network = keras.Sequential([keras.Input((None, 5)), classifier])
    >>> streaming = StreamingClassifier(network, "features")
    >>> state = streaming.initial_state(batch_size=2)
    >>> outputs = streaming({"features": np.zeros((2, 5)), **state})
    >>> outputs["probabilities"].shape
    TensorShape([2, 3])
    >>> state = {name: outputs[f"next_{name}"] for name in state}
    """

    def __init__(self, network: keras.Sequential, step_name: str, **kwargs: Any) -> None:
        # No autocast, which would round the state in half precision: each layer casts its inputs.
        super().__init__(autocast=False, **kwargs)
        self.network = network
        self.step_name = step_name
        self.initial_state(1)

    def initial_state(self, batch_size: int) -> StepState:
        """Returns the initial state: zeros, by name."""
        state: StepState = {}
        for layer in self.network.layers:
            if hasattr(layer, "step"):
                state |= layer.initial_step_state(batch_size)
        return state

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Runs one step."""
        state = dict(inputs)
        new: StepState = {}
        x, mask = ops.expand_dims(state.pop(self.step_name), 1), None
        for layer in self.network.layers:
            if hasattr(layer, "step"):
                x, mask, layer_state = layer.step(x, mask, state)
                new |= layer_state
            else:
                x, mask = layer(x), layer.compute_mask(x, mask)
        new = {f"next_{name}": new[name] for name in state}
        return {"probabilities": ops.softmax(x), **new}

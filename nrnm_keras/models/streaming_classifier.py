"""StreamingClassifier: a trained classifier that is fed step by step."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.models.streaming_network import StreamingNetwork


class StreamingClassifier(StreamingNetwork):
    """One step of a classifier: the next frame or token in, the probabilities so far out.

    Of a network that classifies every step, they are the probabilities of that step's class.

    Args:
        network: a built `keras.Sequential` that ends in a `SequenceClassifier` or a
            `StepClassifier`; see `StreamingNetwork`.
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
        super().__init__(network, step_name, _probabilities, **kwargs)


def _probabilities(logits):
    return {"probabilities": ops.softmax(logits)}

"""The predictions for prefixes of one input."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from keras import ops

from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.running_prediction import RunningPrediction
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:  # it has methods that call these
    from nrnm_keras.inference.trained_model import TrainedModel

_PREFIXES_IN_BATCH = 16


def running_prediction(
    trained: "TrainedModel", raw: Tensor, most_prefixes: int = 100
) -> RunningPrediction:
    """Returns the `RunningPrediction` of an input.

    A model that can run step by step predicts after every step. Other models predict prefixes, at
    most `most_prefixes` of them, evenly spaced.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
        most_prefixes: integer.

    Raises:
        UsageError: if a probability is NaN.
    """
    steps = ops.convert_to_numpy(trained.encode(raw))
    try:
        streaming = trained.streaming()
    except ValueError:  # it needs whole sequences
        running = _by_prefixes(trained, steps, most_prefixes)
    else:
        running = _by_steps(streaming, steps)
    most_probable(running.probabilities)
    return running


def _by_steps(streaming, steps):
    run = tf.function(streaming)
    state = streaming.initial_state(batch_size=1)
    probabilities = []
    for step in steps.swapaxes(0, 1):
        outputs = run({streaming.step_name: tf.constant(step), **state})
        state = {name: outputs[f"next_{name}"] for name in state}
        probabilities.append(outputs["probabilities"][0].numpy())
    counts = np.arange(1, len(probabilities) + 1)
    return RunningPrediction(counts, np.array(probabilities, "float32"))


def _by_prefixes(trained, steps, most):
    length = steps.shape[1]
    counts = np.linspace(1, length, min(length, most)).round().astype(int)
    padding = trained.modality.no_step(steps.shape[2:], str(steps.dtype))
    padding = np.zeros_like(padding) if trained.modality.takes_ids else padding
    is_given = np.arange(length) < counts[:, np.newaxis]
    is_given = is_given.reshape(*is_given.shape, *[1] * (steps.ndim - 2))
    prefixes = np.where(is_given, steps, padding)
    shape = tf.TensorSpec((None, *prefixes.shape[1:]), prefixes.dtype)
    run = tf.function(lambda batch: ops.softmax(trained.scores(batch)), input_signature=[shape])
    batches = range(0, len(prefixes), _PREFIXES_IN_BATCH)
    probabilities = [run(prefixes[first : first + _PREFIXES_IN_BATCH]) for first in batches]
    return RunningPrediction(counts, np.concatenate(probabilities))

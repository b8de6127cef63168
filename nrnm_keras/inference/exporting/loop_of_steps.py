"""The head of a network as a loop that keeps only its state."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.models.step_by_step import StepByStep
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


def in_a_loop_of_steps(trained: "TrainedModel") -> Callable[..., dict[str, Tensor]]:
    """Returns a function that computes the head of a network one step at a time.

    Its loop keeps only the state. The loop of a recurrent layer keeps lists of tensors, which
    LiteRT does not support. Outputs for each step are collected in one preallocated tensor.

    Args:
        trained: a `TrainedModel`.

    Returns:
        Function from the head's inputs, sequences and mask, to the values of its output.

    Raises:
        ValueError: if a layer needs whole sequences.
    """
    trained.check_steps()
    steps, output = StepByStep(trained.head), trained.output
    variables = [variable for layer in trained.head for variable in layer.variables]

    def run(sequences, mask=None):
        batch_size, timesteps = tf.shape(sequences)[0], tf.shape(sequences)[1]
        if mask is None:
            mask = tf.ones(tf.shape(sequences)[:2], tf.bool)
        for axis in (0, 1):
            sequences, mask = at_least_one(sequences, axis), at_least_one(mask, axis)
        shape = tf.shape(sequences)
        state = steps.initial_state(shape[0])

        def step(t, state):
            inputs = (x[:, t][:, tf.newaxis] for x in (sequences, mask))
            scores, _, new = steps.step(*inputs, state)
            return tf.cast(scores, tf.float32), {name: new[name] for name in state}

        def body(t, scores, state):
            here, state = step(t, state)
            if not output.step_is_result:
                is_here = tf.equal(tf.range(shape[1]), t)[tf.newaxis, :, tf.newaxis]
                here = tf.where(is_here, here[:, tf.newaxis], scores)
            return t + 1, here, state

        size = _size_of(steps, sequences)
        collected = [] if output.step_is_result else [shape[1]]
        scores = tf.zeros([shape[0], *collected, size])
        loop = (tf.constant(0), scores, state)
        # LiteRT cannot read variables in a loop either.
        values = [(variable, tf.identity(variable)) for variable in variables]
        with keras.StatelessScope(state_mapping=values):
            _, scores, _ = tf.while_loop(lambda t, *_: t < shape[1], body, loop)
        scores = scores[:batch_size] if output.step_is_result else scores[:batch_size, :timesteps]
        return output.of_step(scores)

    return run


def _size_of(steps, sequences):
    """Returns the number of outputs of the head after a step."""
    with tf.init_scope():
        step = tf.zeros([1, 1, *sequences.shape[2:]], sequences.dtype)
        scores, *_ = steps.step(step, tf.ones([1, 1], tf.bool), steps.initial_state(1))
    return scores.shape[-1]

"""A loop over the first axis of tensors, in the fastest form for each backend."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from nrnm_keras.typing import Shape, Tensor


def loop(
    step: Callable,
    inputs: Any,
    states: tuple,
    output_shape: Shape | None = None,
    unroll: bool = False,
) -> tuple[Tensor, tuple]:
    """Runs a step over the first axis of its inputs.

    Args:
        step: Function of the inputs at one place and of the states, a tuple; returns an output
            and the new states.
        inputs: Structure of tensors, some of which may be `None`.
        states: Tuple of tensors, the states before the first step.
        output_shape: The shape of an output, as far as it is known; needed by a loop in a graph
            of TensorFlow.
        unroll: Boolean, whether to unroll the loop in the graph, which needs a known length.
            PyTorch always unrolls.

    Returns:
        The outputs, stacked, and the last states.
    """
    backend = keras.backend.backend()
    if unroll or backend == "torch":
        return _unroll(step, inputs, states)
    if backend == "jax":
        states, outputs = ops.scan(lambda states, x: step(x, states)[::-1], states, inputs)
        return outputs, states
    return _loop_in_graph(step, inputs, states, output_shape)


def _unroll(step, inputs, states):
    outputs = []
    for place in zip(*map(ops.unstack, _tensors(inputs)), strict=True):
        output, states = step(_with_tensors(inputs, place), states)
        outputs.append(output)
    return ops.stack(outputs), states


def _loop_in_graph(step, inputs, states, output_shape):
    """TensorFlow's loop.

    `keras.ops.scan` has no gradient under XLA. The loop of `keras.layers.RNN` computes the
    first step twice to find the shape of its output, so tracing a window took a third longer.
    """
    import tensorflow as tf

    tensors = _tensors(inputs)
    length = ops.shape(tensors[0])[0]
    arrays = [
        tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x) for x in tensors
    ]

    def body(place, outputs, states):
        given = _with_tensors(inputs, [array.read(place) for array in arrays])
        output, states = step(given, states)
        return place + 1, outputs.write(place, output), states

    _, outputs, states = tf.while_loop(
        lambda place, *_: place < length,
        body,
        (0, tf.TensorArray(states[0].dtype, length, element_shape=output_shape), states),
        maximum_iterations=length,
        parallel_iterations=32,
        swap_memory=True,
    )
    return outputs.stack(), states


def _tensors(inputs):
    return [x for x in tree.flatten(inputs) if x is not None]


def _with_tensors(inputs, tensors):
    """Returns the structure of `inputs` with other tensors, and `None` where it has `None`."""
    tensors = iter(tensors)
    leaves = [x if x is None else next(tensors) for x in tree.flatten(inputs)]
    return tree.pack_sequence_as(inputs, leaves)

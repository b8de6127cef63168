"""Gradients written by hand against those that TensorFlow finds by itself."""

import keras
import numpy as np
import pytest

from nrnm_keras import NRNM
from nrnm_keras.layers.nrnm.loop_kernel import loop_weight, multiply
from tests.layers.common import close, randomize

UNITS, FEATURES, BATCH = 4, 3, 2
SIZES = {"units": UNITS, "block_size": 4, "stride": 2, "num_heads": 2}

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends have none"
)


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), "float64")


def memory(**options):
    layer = NRNM(**{**SIZES, **options}, dtype="float64")
    layer.build((None, 5, FEATURES))
    return randomize(layer).cell.memory


def value_and_gradients(function, tensors, weights):
    """What a function returns, and the gradients of a loss by its tensors and weights."""
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
        loss = tf.reduce_sum(tf.sin(value))
    return value, tape.gradient(loss, [*tensors, *weights], unconnected_gradients="zero")


@pytest.mark.parametrize(
    "options", [{}, {"interaction": "linear"}, {"use_bias": False}, {"memory_units": 2}]
)
def test_write(options):
    part = memory(**options)
    units = part.units
    hidden, embedded = draw(BATCH, 2, UNITS), draw(BATCH, 4, units)
    tensors = draw(BATCH, 2 * units), hidden, embedded, draw(BATCH, 2 * units, seed=1)

    def write(*tensors, weights=None):
        return part.write(*tensors, weights).value

    def write_in_loop(*tensors):
        return write(*tensors, weights=part.loop_weights())

    variables = part.trainable_variables
    weights = [v.value for v in variables]
    expected = value_and_gradients(write, tensors, weights)
    close(value_and_gradients(write_in_loop, tensors, weights), expected, 1e-12)
    assert sum(np.any(gradient) for gradient in expected[1]) >= len(tensors) + 8


@pytest.mark.parametrize("shape", [(BATCH, FEATURES), (3, BATCH, FEATURES)])
@pytest.mark.parametrize(
    "options",
    [{}, {"memory_read": "attention"}, {"memory_units": 2}, {"use_bias": False}],
)
def test_read(options, shape):
    part = memory(**options)
    tensors = draw(*shape), draw(BATCH, 2 * part.units)

    def read_in_loop(*tensors):
        return part.read(*tensors, part.loop_weights())

    weights = [v.value for v in part.trainable_variables]
    expected = value_and_gradients(part.read, tensors, weights)
    close(value_and_gradients(read_in_loop, tensors, weights), expected, 1e-12)


@pytest.mark.parametrize("shape", [(BATCH, FEATURES), (3, 1, BATCH, FEATURES)])
@pytest.mark.parametrize("bias", [None, draw(UNITS)])
def test_product(bias, shape):
    x, kernel = draw(*shape), draw(FEATURES, UNITS)

    def multiply_in_loop(x, kernel, *bias):
        return multiply(x, *map(loop_weight, [kernel, *bias]))

    tensors = [x, kernel] if bias is None else [x, kernel, bias]
    expected = value_and_gradients(multiply, tensors, [])
    close(expected[0], x @ kernel + (0 if bias is None else bias), 1e-12)
    close(value_and_gradients(multiply_in_loop, tensors, []), expected, 1e-12)


def test_a_loop_keeps_no_shapes_of_what_it_computes_by_hand():
    """Of an unknown batch size TensorFlow keeps a shape for each result; 95 tensors a window."""
    layer = NRNM(8)
    layer.build((None, 50, FEATURES))

    @tf.function(input_signature=[tf.TensorSpec((None, 50, FEATURES))], autograph=False)
    def train(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True))
        return tape.gradient(loss, layer.trainable_variables)

    graph = train.get_concrete_function().graph
    kept = [op for op in graph.get_operations() if op.type == "EmptyTensorList"]
    assert len(kept) <= 45

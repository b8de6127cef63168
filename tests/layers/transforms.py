"""Checks of what a framework does with a layer besides calling it.

They run on the backend that `KERAS_BACKEND` names; `python -m tests.layers.transforms` prints what
is wrong. Derivatives are compared with those of the loop over the cell, which Keras runs and the
framework differentiates by itself, and with differences.
"""

import sys
import tempfile

import keras
import numpy as np
from keras import layers, ops

from nrnm_keras import NRNM, NRNMCell
from nrnm_keras.layers import (
    ElementAttentionCell,
    HighOrderRNNCell,
    RelationalMemoryCell,
    ZoneoutCell,
)
from tests.layers.common import close, masks, randomize, sequences

BACKEND = keras.backend.backend()
if BACKEND == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
    # Each check compiles programs that run once.
    jax.config.update("jax_disable_most_optimizations", True)
# On JAX, Keras computes tanh in float32, whatever the dtype.
TOLERANCE = 1e-6 if BACKEND == "jax" else 1e-9
FEATURES, BATCH, TIMESTEPS = 3, 2, 11
SIZES = {"units": 4, "block_size": 4, "stride": 2, "num_heads": 2}

# Arguments of layers; a call's options are under "call".
ARGUMENTS = {
    "lstm": {},
    "gru": {"backbone": "gru"},
    "rnn": {"backbone": "rnn", "interaction": "linear"},
    "high_order_rnn": {"backbone": "high_order_rnn"},
    "attention": {"memory_read": "attention"},
    "narrow": {"memory_units": 2},
    "short_windows": {"block_size": 6, "stride": 2, "window_size": 4},
    "unroll": {"unroll": True},
}
CELLS = {
    "NRNMCell": lambda **kwargs: NRNMCell(**SIZES, **kwargs),
    "HighOrderRNNCell": lambda **kwargs: HighOrderRNNCell(4, **kwargs),
    "ElementAttentionCell": lambda **kwargs: ElementAttentionCell(
        layers.GRUCell(4, **kwargs), **kwargs
    ),
    "RelationalMemoryCell": lambda **kwargs: RelationalMemoryCell(
        4, slots=2, num_heads=2, **kwargs
    ),
    "ZoneoutCell": lambda **kwargs: ZoneoutCell(
        layers.LSTMCell(4, **kwargs), [0.1, 0.2], 1, **kwargs
    ),
}


def built(layer):
    layer.build((None, TIMESTEPS, FEATURES))
    return randomize(layer)


def nrnm(name, **kwargs):
    return built(NRNM(**{**SIZES, **ARGUMENTS[name]}, **kwargs))


def layer_named(name, **kwargs):
    """`NRNM` with the arguments of a name, or Keras's loop over the cell of a name."""
    if name in ARGUMENTS:
        return nrnm(name, **kwargs)
    return built(layers.RNN(CELLS[name](**kwargs), **kwargs))


def inputs(dtype="float32"):
    return sequences(TIMESTEPS, BATCH, FEATURES).astype(dtype)


def array(x):
    return ops.convert_to_numpy(x)


class Derivatives:
    """Gradient and Hessian of a layer's loss by its inputs and weights, as lists of arrays."""

    def __init__(self, layer, **options):
        self.layer = layer
        self.options = options
        self.variables = layer.trainable_variables
        self.start = [array(v) for v in layer.non_trainable_variables]
        rng = np.random.default_rng(7)
        self.point = [inputs("float64"), *map(array, self.variables)]
        self.direction = [rng.normal(size=value.shape) for value in self.point]

    def at(self, step=0.0):
        """The gradient, and the Hessian times the direction, some steps along it."""
        point = [p + step * d for p, d in zip(self.point, self.direction, strict=True)]
        for variable, value in zip(self.layer.non_trainable_variables, self.start, strict=True):
            variable.assign(value)
        return [list(map(array, each)) for each in self._compute(point)]

    def differences(self, step=1e-5):
        """The Hessian times the direction, from two gradients."""
        after, before = self.at(step)[0], self.at(-step)[0]
        return [(a - b) / (2 * step) for a, b in zip(after, before, strict=True)]

    def _compute(self, point):
        if BACKEND == "jax":
            return self._with_jax(point)
        for variable, value in zip(self.variables, point[1:], strict=True):
            variable.assign(value)
        return (
            self._with_tensorflow(point[0])
            if BACKEND == "tensorflow"
            else self._with_torch(point[0])
        )

    def _loss(self, outputs):
        return ops.sum(ops.sin(3 * ops.cast(outputs, "float64")))

    def _with_jax(self, point):
        import jax

        def loss(point):
            outputs, _ = self.layer.stateless_call(point[1:], self.start, point[0], **self.options)
            return self._loss(outputs)

        def slope(point):
            gradients = jax.grad(loss)(point)
            products = zip(gradients, self.direction, strict=True)
            return sum(ops.sum(g * d) for g, d in products), gradients

        if not hasattr(self, "_run"):
            self._run = jax.jit(jax.grad(slope, has_aux=True))
        hessian, gradients = self._run(point)
        return gradients, hessian

    def _with_torch(self, x):
        import torch

        x = torch.tensor(x, requires_grad=True)
        sources = [x, *(v.value for v in self.variables)]
        loss = self._loss(self.layer(x, **self.options))
        gradients = torch.autograd.grad(loss, sources, create_graph=True, materialize_grads=True)
        directions = map(torch.tensor, self.direction)
        slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
        return gradients, torch.autograd.grad(slope, sources, materialize_grads=True)

    def _with_tensorflow(self, x):
        import tensorflow as tf

        if not hasattr(self, "_run"):

            @tf.function(autograph=False)
            def run(x):
                sources = [x, *(v.value for v in self.variables)]
                with tf.GradientTape() as second:
                    second.watch(x)
                    with tf.GradientTape() as first:
                        first.watch(x)
                        loss = self._loss(self.layer(x, **self.options))
                    gradients = first.gradient(loss, sources, unconnected_gradients="zero")
                    products = zip(gradients, self.direction, strict=True)
                    slope = sum(tf.reduce_sum(g * d) for g, d in products)
                return gradients, second.gradient(slope, sources, unconnected_gradients="zero")

            self._run = run
        return self._run(tf.constant(x))


def states_in_the_middle(loop):
    """States of sequences that were left at different places of their windows."""
    x = sequences(7, BATCH, FEATURES, seed=3).astype("float64")
    states = loop(x, mask=ops.convert_to_tensor(np.arange(7) < [[7], [3]]))[1:]
    return [ops.convert_to_tensor(array(state)) for state in states]


SECOND_ORDER = {
    **{name: (ARGUMENTS[name], {}) for name in ARGUMENTS},
    "training": ({}, {"training": True}),
    "training_gru": ({"backbone": "gru"}, {"training": True}),
    "training_attention": ({"memory_read": "attention"}, {"training": True}),
    "dropouts": ({"dropout": 0.3, "recurrent_dropout": 0.3, "seed": 1}, {"training": True}),
    "noise": ({"zoneout": (0.3, 0.2), "memory_dropout": 0.3, "seed": 1}, {"training": True}),
    "mask": ({}, {"mask": "holes", "training": True}),
    "mask_gru": ({"backbone": "gru"}, {"mask": "empty_row"}),
    "state": ({}, {"initial_state": True, "mask": "holes", "training": True}),
}
if BACKEND != "tensorflow":
    # There, `keras.remat` has first-order gradients only: see `test_recompute.py`.
    SECOND_ORDER["recompute"] = {"recompute": True}, {"mask": "holes", "training": True}


def check_second_order(name):
    arguments, options = SECOND_ORDER[name]
    layer = built(NRNM(**{**SIZES, **arguments}, dtype="float64"))
    loop = layers.RNN(layer.cell, return_state=True, dtype="float64")
    options = dict(options)
    if "mask" in options:
        options["mask"] = ops.convert_to_tensor(masks(TIMESTEPS, BATCH)[options["mask"]])
    if "initial_state" in options:
        options["initial_state"] = states_in_the_middle(loop)
    derivatives = Derivatives(layer, **options)
    reference = Derivatives(built(layers.RNN(layer.cell, dtype="float64")), **options)
    gradient, hessian = derivatives.at()
    # The layer and the loop draw what is drawn anew at every step in another order.
    if name != "noise":
        expected = reference.at()
        close([*gradient, *hessian], [*expected[0], *expected[1]], TOLERANCE)
    if BACKEND == "jax":
        close(hessian, derivatives.differences(step=1e-4), 1e-2)
    else:
        close(hessian, derivatives.differences(), 1e-5)


def check_empty_batch(name):
    if BACKEND == "tensorflow" and name == "ZoneoutCell":
        return  # Keras's LSTMCell in it fails: it adds the empty rows as a bias.
    layer = layer_named(name)
    for training in (False, True):
        for mask in (None, np.ones((0, TIMESTEPS), bool)):
            outputs = layer(inputs()[:0], training=training, mask=mask)
            assert tuple(outputs.shape) == (0, 4)


def check_float64(name):
    layer = layer_named(name, dtype="float64")
    for training in (False, True):
        outputs = layer(inputs("float64"), training=training)
        assert keras.backend.standardize_dtype(outputs.dtype) == "float64"


def check_one_by_one(name):
    """`ops.vectorized_map` over sequences is the batched call."""
    layer, x = layer_named(name), ops.convert_to_tensor(inputs())
    close(ops.vectorized_map(lambda row: layer(row[None])[0], x), layer(x))


def check_forward_mode(name):
    """Forward and reverse mode are each other's transpose."""
    # Keras's own cells mix both precisions in float64 on JAX.
    dtype = "float32" if BACKEND == "jax" and name in CELLS else "float64"
    rng, x = np.random.default_rng(1), inputs(dtype)
    direction = rng.normal(size=x.shape).astype(dtype)
    upstream = rng.normal(size=(BATCH, 4)).astype(dtype)
    layer = layer_named(name, dtype=dtype)
    for training in (False, True):
        if name == "ZoneoutCell" and (training or BACKEND == "torch"):
            continue  # What it draws differs from call to call; torch.func lets nothing draw.
        slope, gradient = both_modes(
            lambda x, training=training: layer(x, training=training),
            *(ops.convert_to_tensor(each) for each in (x, direction, upstream)),
        )
        close(np.sum(array(slope) * upstream), np.sum(array(gradient) * direction))


def both_modes(run, x, direction, upstream):
    """The derivative along a direction, and the gradient of the outputs times `upstream`."""
    if BACKEND == "jax":
        import jax

        return jax.jvp(run, (x,), (direction,))[1], jax.vjp(run, x)[1](upstream)[0]
    if BACKEND == "torch":
        import torch

        slope = torch.func.jvp(run, (x,), (direction,))[1]
        return slope, torch.func.vjp(run, x)[1](upstream)[0]
    import tensorflow as tf

    # Eagerly: in a graph TensorFlow has no forward mode of loops, of Keras's LSTM neither.
    with tf.autodiff.ForwardAccumulator(x, direction) as forward, tf.GradientTape() as tape:
        tape.watch(x)
        outputs = run(x)
    return forward.jvp(outputs), tape.gradient(outputs, x, upstream)


def check_jacobians(name):
    """Forward and reverse mode, one output after the other and all at once."""
    x, layer = ops.convert_to_tensor(inputs("float64")), nrnm(name, dtype="float64")
    run = lambda x: layer(x, training=True)  # noqa: E731
    if BACKEND == "jax":
        import jax

        close(jax.jacfwd(run)(x), jax.jacrev(run)(x), TOLERANCE)
        loss = lambda x: ops.sum(run(x) ** 2)  # noqa: E731
        close(jax.hessian(loss)(x), jax.jacrev(jax.jacrev(loss))(x), TOLERANCE)
        close(jax.grad(jax.checkpoint(loss))(x), jax.grad(loss)(x), TOLERANCE)
        donated = jax.jit(run, donate_argnums=0)(ops.copy(x))
        close(donated, run(x), TOLERANCE)
    elif BACKEND == "torch":
        import torch

        reverse = torch.func.jacrev(run)(x)
        close(torch.func.jacfwd(run)(x), reverse, TOLERANCE)
        close(torch.autograd.functional.jacobian(run, x), reverse, TOLERANCE)
        loss = lambda x: (run(x) ** 2).sum()  # noqa: E731
        y = x.clone().requires_grad_()
        close(torch.func.grad(loss)(x), torch.autograd.grad(loss(y), y), TOLERANCE)
        one = lambda row: layer(row[None])[0].sum()  # noqa: E731
        close(
            torch.func.vmap(torch.func.grad(one))(x),
            torch.func.grad(lambda x: layer(x).sum())(x),
            TOLERANCE,
        )
    else:
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            outputs = run(x)
        close(
            tape.jacobian(outputs, x),
            tape.jacobian(outputs, x, experimental_use_pfor=False),
            TOLERANCE,
        )


def check_export(name):
    """PyTorch alone: `torch.export`, and ONNX from Keras."""
    import onnxruntime
    import torch

    x = inputs()
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), layer_named(name)])
    expected = model(x)
    exported = torch.export.export(model, (torch.tensor(x),))
    close(exported.module()(torch.tensor(x)), expected)
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/model.onnx", format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
    close(session.run(None, {session.get_inputs()[0].name: x})[0], expected)


# Each check, and the names that it is for.
EVERY_LAYER = [*ARGUMENTS, *CELLS]
CHECKS = {
    "second_order": (check_second_order, SECOND_ORDER),
    "empty_batch": (check_empty_batch, EVERY_LAYER),
    "float64": (check_float64, EVERY_LAYER),
    "one_by_one": (check_one_by_one, EVERY_LAYER),
    "forward_mode": (check_forward_mode, EVERY_LAYER),
    "jacobians": (check_jacobians, ["lstm", "gru"]),
    **({"export": (check_export, EVERY_LAYER)} if BACKEND == "torch" else {}),
}


def failures(kinds, names):
    """Runs checks of some kinds and names, all by default; yields what fails."""
    for kind in kinds or CHECKS:
        check, every = CHECKS[kind]
        for name in names or every:
            if name in every:
                try:
                    check(name)
                except Exception as error:
                    yield f"{kind} {name}: {type(error).__name__} {str(error)[:500]}"


if __name__ == "__main__":
    # Two comma-separated lists: kinds of checks, and names. An empty one means all.
    wanted = [list(filter(None, argument.split(","))) for argument in sys.argv[1:]]
    for failure in failures(*wanted, *[[]] * (2 - len(wanted))):
        print(failure, flush=True)
    print("done")

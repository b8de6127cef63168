"""What is relied on of Keras that it does not make public, and that one module alone uses it."""

import ast
import pathlib

import keras
import numpy as np
import pytest
from keras import layers, ops

import nrnm_keras
from nrnm_keras.layers import NRNM
from nrnm_keras.layers.nrnm.step_seed import StepSeed
from nrnm_keras.layers.private_keras import (
    DropoutRNNCell,
    all_layers,
    moving_averages,
    take_strings,
)

PACKAGE = pathlib.Path(nrnm_keras.__file__).parent


def private_names():
    """Names of private methods and attributes of Keras's objects."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(use_ema=True), "mse", metrics=["mae"])
    model.train_on_batch(np.ones((1, 2)), np.ones((1, 1)))
    objects = [model, model.optimizer, layers.Layer(), layers.RNN(layers.LSTMCell(1))]
    objects += [layers.LSTMCell(1), keras.metrics.Mean(), keras.losses.MeanSquaredError()]
    names = {name for each in objects for name in dir(each)}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def uses(tree, private):
    """Yields the private names that a module has, but for those of classes without a base."""
    own = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not node.bases]
    within = {child for node in own for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            yield from (name for name in names if str(name).startswith("keras.src"))
        elif isinstance(node, ast.Attribute) and node.attr in private:
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if not (is_own and node in within):
                yield node.attr
        elif isinstance(node, ast.ClassDef) and node not in within:
            yield from {each.name for each in node.body if hasattr(each, "name")} & private


def test_one_module_uses_private_keras():
    private = private_names()
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if names := set(uses(ast.parse(path.read_text()), private)):
            found[path.name] = names
    assert found == {
        "private_keras.py": {
            "keras.src.layers.rnn.dropout_rnn_cell",
            "_allow_non_tensor_positional_args",
            "_convert_input_args",
            "_flatten_layers",
            "_model_variables_moving_average",
            "_trainable_variables",
        }
    }


class RecordingCell(layers.Layer):
    """A cell that adds up its inputs, and notes when its masks are asked for."""

    state_size, output_size = 3, 3

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def get_dropout_mask(self, step_input):
        self.calls.append(("inputs", tuple(step_input.shape)))

    def get_recurrent_dropout_mask(self, step_state):
        self.calls.append(("state", tuple(step_state.shape)))

    def reset_dropout_mask(self):
        self.calls.append("reset inputs")

    def reset_recurrent_dropout_mask(self):
        self.calls.append("reset state")

    def call(self, inputs, states, training=False):
        return states[0] + inputs, [states[0] + inputs]


class MaskedCell(RecordingCell, DropoutRNNCell):
    """The same, of the class whose masks `RNN` draws."""


class TestDropoutRNNCell:
    def test_masks_are_drawn_once_before_the_loop_and_reset(self):
        cell = MaskedCell()
        layers.RNN(cell)(np.ones((2, 5, 3)), training=True)
        assert cell.calls[:2] == [("inputs", (2, 3)), ("state", (2, 3))]
        assert set(cell.calls[2:]) == {"reset inputs", "reset state"}

    def test_of_other_cells_no_masks_are_drawn(self):
        cell = RecordingCell()
        layers.RNN(cell)(np.ones((2, 5, 3)), training=True)
        assert cell.calls == []

    def test_the_cells_of_keras_are_of_this_class(self):
        for kind in (layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell):
            assert isinstance(kind(1), DropoutRNNCell)


def test_inner_loop_runs_the_sequences():
    class Doubled(layers.RNN):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            assert mask is None and training
            doubled = 2 * sequences + initial_state[0][:, None]
            return doubled[:, -1], doubled, [doubled[:, -1]]

    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    layer = Doubled(RecordingCell(), return_sequences=True, return_state=True)
    outputs, state = layer(x, initial_state=[np.ones((2, 3), "float32")], training=True)
    np.testing.assert_allclose(outputs, 2 * x + 1, rtol=1e-6)
    np.testing.assert_allclose(state, 2 * x[:, -1] + 1, rtol=1e-6)


def test_random_functions_take_a_seed_that_counts_nothing():
    sequence_seed = ops.convert_to_tensor([5, 7], "uint32")
    first, again, other = (
        ops.convert_to_numpy(keras.random.uniform((9,), seed=StepSeed(sequence_seed, number)))
        for number in (1, 1, 2)
    )
    assert (first == again).all() and (first != other).all()


def test_all_layers_finds_those_within_layers():
    lookup = layers.StringLookup(vocabulary=["a"])
    wrapped = layers.Bidirectional(NRNM(4))
    inner = keras.Sequential([layers.Embedding(3, 2), wrapped])
    inputs = keras.Input((None,), dtype="string")
    model = keras.Model(inputs, inner(lookup(inputs)))
    found = all_layers(model)
    assert found[0] is model
    for layer in (lookup, inner, wrapped, wrapped.forward_layer, wrapped.backward_layer.cell):
        assert any(each is layer for each in found)


@pytest.mark.parametrize("epochs", [1, 3])
def test_moving_averages_are_those_of_the_trained_weights(epochs):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2), layers.Dense(1)])
    model.layers[0].trainable = False
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
    model.compile(optimizer, "mse")
    expected = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    for epoch in range(epochs):
        model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
        weights = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
        first = epoch == 0  # the first step starts the average
        expected = [
            weight if first else 0.75 * average + 0.25 * weight
            for average, weight in zip(expected, weights, strict=True)
        ]
    pairs = moving_averages(model.optimizer)
    assert [variable.path for variable, _ in pairs] == [v.path for v in model.trainable_weights]
    for (_, average), right in zip(pairs, expected, strict=True):
        np.testing.assert_allclose(average, right, rtol=1e-5)


@pytest.mark.parametrize(
    "texts", [["a", "bc"], np.array(["a", "bc"], object), np.array(["a", "b"])]
)
def test_a_layer_takes_strings(texts):
    class Lengths(layers.Layer):
        def __init__(self):
            super().__init__()
            take_strings(self)

        def call(self, texts):
            return [len(text) for text in texts]

    assert Lengths()(texts) == [len(text) for text in texts]

"""The constructors' arguments: their order, their attributes, their configuration, their errors."""

import inspect
import json
import operator

import keras
import numpy as np
import pytest
from keras import layers, ops, regularizers

from nrnm_keras import NRNM, NRNMCell
from nrnm_keras.layers import (
    LSTM,
    ElementAttentionCell,
    HighOrderRNNCell,
    RelationalMemoryCell,
    ZoneoutCell,
)
from tests.layers.common import close, sequences

# Another value than the default for every argument.
VALUES = {
    "units": 48,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "he_uniform",
    "bias_initializer": "ones",
    "unit_forget_bias": False,
    "kernel_regularizer": "l1",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "L1L2",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "max_norm",
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "seed": 3,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "use_cudnn": False,
    "zero_output_for_mask": True,
    "block_size": 12,
    "stride": 2,
    "window_size": 4,
    "num_heads": 3,
    "backbone": "gru",
    "interaction": "linear",
    "memory_read": "attention",
    "memory_units": 9,
    "memory_forget_bias": 2.0,
    "read_initializer": "orthogonal",
    "read_bias_initializer": "zeros",
    "memory_dropout": 0.3,
    "zoneout": 0.4,
    "recompute": True,
    "implementation": 1,
    "order": 2,
    "slots": 2,
    "cell": keras.layers.GRUCell(4),
    "rates": [0.2],
}
KERAS_MODULES = {
    "activation": keras.activations,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}
PUBLIC = [
    NRNM,
    NRNMCell,
    HighOrderRNNCell,
    ElementAttentionCell,
    RelationalMemoryCell,
    ZoneoutCell,
]
# The Keras layer in whose place each of them can stand.
LIKE_KERAS = [
    (NRNM, layers.LSTM),
    (LSTM, layers.LSTM),
    (NRNMCell, layers.LSTMCell),
    (HighOrderRNNCell, layers.SimpleRNNCell),
]


def defaults_of(cls):
    """The arguments in the signature of a class, with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return {each.name: each.default for each in parameters if each.name != "kwargs"}


def needed(cls):
    """Arguments without which there is no layer of the class."""
    defaults = defaults_of(cls).items()
    return {name: VALUES[name] for name, value in defaults if value is inspect.Parameter.empty}


CASES = [(cls, name) for cls in PUBLIC for name in defaults_of(cls)]


def test_every_argument_has_another_value():
    assert {name for cls in PUBLIC for name in defaults_of(cls)} == set(VALUES)
    assert all(VALUES[name] != defaults_of(cls)[name] for cls, name in CASES)


@pytest.mark.parametrize(("ours", "keras_s"), LIKE_KERAS)
def test_arguments_begin_as_those_of_the_keras_layer(ours, keras_s):
    expected = defaults_of(keras_s)
    assert list(defaults_of(ours).items())[: len(expected)] == list(expected.items())


def test_arguments_of_the_cell_are_the_layer_s_in_the_same_order():
    layer, cell = defaults_of(NRNM), defaults_of(NRNMCell)
    assert [(name, default) for name, default in layer.items() if name in cell] == [*cell.items()]


@pytest.mark.parametrize("cls", PUBLIC)
def test_shared_arguments_have_one_order(cls):
    order = {name: place for place, name in enumerate(defaults_of(NRNM))}
    places = [order[name] for name in defaults_of(cls) if name in order and name != "num_heads"]
    assert places == sorted(places)


def is_same(attribute, name, value):
    module = KERAS_MODULES.get(name.split("_")[-1])
    if module is None:
        return attribute == value
    return module.serialize(attribute) == module.serialize(module.get(value))


@pytest.mark.parametrize(("cls", "name"), CASES)
def test_every_argument_is_an_attribute_and_in_the_configuration(cls, name):
    layer = cls(**{**needed(cls), name: VALUES[name]})
    assert is_same(getattr(layer, name), name, VALUES[name])
    config = json.loads(json.dumps(layer.get_config()))
    restored = cls.from_config(config)
    assert json.loads(json.dumps(restored.get_config())) == config
    if name != "cell":
        assert is_same(getattr(restored, name), name, VALUES[name])


@pytest.mark.parametrize("cls", PUBLIC)
def test_arguments_by_position(cls):
    names = list(defaults_of(cls))
    by_position = cls(*[VALUES[name] for name in names], name="layer")
    by_name = cls(**{name: VALUES[name] for name in names}, name="layer")
    assert by_position.get_config() == by_name.get_config()


@pytest.mark.parametrize("cls", PUBLIC)
def test_unknown_arguments_are_named(cls):
    with pytest.raises((TypeError, ValueError), match="blok_size"):
        cls(**needed(cls), blok_size=4)


@pytest.mark.parametrize("cls", PUBLIC)
def test_arguments_of_every_layer_are_taken(cls):
    layer = cls(**needed(cls), name="some_name", dtype="mixed_bfloat16", trainable=False)
    assert (layer.name, layer.dtype_policy.name) == ("some_name", "mixed_bfloat16")
    assert not layer.trainable
    if cls is NRNM:
        assert (layer.cell.dtype_policy.name, layer.cell.trainable) == ("mixed_bfloat16", False)


def test_a_subclass_with_arguments_of_its_own():
    class Wide(NRNMCell):
        def __init__(self, factor, **kwargs):
            super().__init__(**{"units": 4 * factor, "block_size": 4, **kwargs})

    assert (Wide(3).units, Wide(3).get_config()["block_size"]) == (12, 4)


def test_attributes_of_the_layer_are_read_only():
    with pytest.raises(AttributeError):
        NRNM(8).units = 4


class TestArgumentsOfKerasLSTMAlone:
    @pytest.mark.parametrize("use_cudnn", ["auto", True, False])
    @pytest.mark.parametrize("implementation", [0, 1, 2])
    def test_have_no_effect(self, use_cudnn, implementation):
        x = sequences(9)
        expected = NRNM(8, kernel_initializer="ones")
        layer = NRNM(
            8, kernel_initializer="ones", use_cudnn=use_cudnn, implementation=implementation
        )
        for each in (expected, layer):
            each.build(x.shape)
        layer.set_weights(expected.get_weights())
        close(layer(x), expected(x), 0)

    def test_unusable_use_cudnn(self):
        with pytest.raises(ValueError, match="`use_cudnn` must be one of.*use_cudnn='yes'"):
            NRNM(8, use_cudnn="yes")

    @pytest.mark.parametrize("use_cudnn", ["auto", True, False])
    def test_bidirectional_hands_it_on(self, use_cudnn):
        both = layers.Bidirectional(NRNM(8, use_cudnn=use_cudnn))
        assert both.forward_layer.use_cudnn is both.backward_layer.use_cudnn is use_cudnn


class TestNumberOfHeads:
    @pytest.mark.parametrize(
        ("units", "heads"), [(1, 1), (2, 2), (4, 4), (6, 2), (7, 1), (10, 2), (12, 4), (256, 4)]
    )
    @pytest.mark.parametrize("cls", [NRNM, NRNMCell])
    def test_default_divides_the_units(self, cls, units, heads):
        layer = cls(units)
        assert layer.num_heads == layer.get_config()["num_heads"] == heads

    def test_layer_whose_units_four_do_not_divide_computes(self):
        assert NRNM(10)(sequences(9)).shape == (4, 10)

    @pytest.mark.parametrize("given", [None, 4])
    def test_without_attention_there_are_none(self, given):
        layer = NRNM(10, interaction="linear", num_heads=given)
        assert layer(sequences(9)).shape == (4, 10)
        assert layer.num_heads == layer.get_config()["num_heads"] == given
        assert NRNM.from_config(layer.get_config()).num_heads == given

    def test_reading_by_attention_has_heads_whatever_the_interaction(self):
        options = {"interaction": "linear", "memory_read": "attention"}
        assert NRNM(10, **options).num_heads == 2
        with pytest.raises(ValueError, match="`units` must be a multiple of num_heads=4"):
            NRNM(10, num_heads=4, **options)

    @pytest.mark.parametrize("units", [0, -4, "8", 2.0, None])
    def test_unusable_units_are_what_is_named(self, units):
        with pytest.raises(ValueError, match="`units` must be a positive integer"):
            NRNM(units)


def test_configuration_from_before_this_order():
    # As version 0.1.0 wrote it.
    zeros = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}
    config = {
        "name": "nrnm",
        "trainable": True,
        "dtype": "float32",
        "units": 8,
        "block_size": 6,
        "stride": 2,
        "window_size": 4,
        "num_heads": 4,
        "backbone": "gru",
        "interaction": "self_attention",
        "memory_read": "gate",
        "activation": "tanh",
        "use_bias": True,
        "bias_initializer": {**zeros, "registered_name": None},
        "zoneout": 0.1,
        "seed": None,
        "return_sequences": True,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "unroll": False,
        "zero_output_for_mask": False,
    }
    layer = NRNM.from_config(config)
    assert {name: layer.get_config()[name] for name in config}.items() >= {
        ("units", 8),
        ("block_size", 6),
        ("num_heads", 4),
        ("backbone", "gru"),
        ("zoneout", 0.1),
        ("return_sequences", True),
    }
    assert (layer.implementation, layer.use_cudnn) == (2, "auto")


class TestStatesOfAnotherCell:
    """They are refused in the layer's words, before anything is computed."""

    X = sequences(9)

    @staticmethod
    def states(*sizes, batch_size=4):
        return [np.zeros((batch_size, size), "f4") for size in sizes]

    @pytest.fixture
    def layer(self):
        return NRNM(8, block_size=4, stride=2)

    RIGHT = (8, 8, 16, 16, 32, 3)
    WRONG = {
        "those of an LSTM": (lambda s: s(8, 8), r"2 of the shapes \(4, 8\), \(4, 8\)$"),
        "none": (lambda s: [], "Received: 0$"),
        "a single one": (lambda s: s(8)[0], r"1 of the shapes \(4, 8\)$"),
        "one too many": (lambda s: s(8, 8, 16, 16, 32, 3, 3), "7 of the shapes"),
        "another size": (lambda s: s(8, 8, 16, 16, 31, 3), r"\(4, 31\)"),
        "another order": (lambda s: s(8, 16, 8, 16, 32, 3), r"6 of the shapes \(4, 8\), \(4, 16\)"),
        "another batch": (lambda s: s(*(8, 8, 16, 16, 32, 3), batch_size=2), r"\(2, 8\)"),
        "another rank": (lambda s: [x[:, None] for x in s(8, 8, 16, 16, 32, 3)], r"\(4, 1, 8\)"),
        "no tensor": (lambda s: [*s(8, 8, 16, 16, 32), None], r"\(\)$"),
    }

    @pytest.mark.parametrize("wrong", WRONG)
    def test_by_the_layer(self, layer, wrong):
        make, received = self.WRONG[wrong]
        message = r"`initial_state` must be 6 tensors \(hidden state \(4, 8\), cell state .*"
        with pytest.raises(ValueError, match=message + received):
            layer(self.X, initial_state=make(self.states))

    @pytest.mark.parametrize("wrong", sorted({*WRONG} - {"no tensor"}))
    def test_by_the_cell(self, layer, wrong):
        make, received = self.WRONG[wrong]
        states = keras.tree.map_structure(ops.convert_to_tensor, make(self.states))
        with pytest.raises(ValueError, match="`states` must be 6 tensors.*" + received):
            layer.cell(self.X[:, 0], states)

    def test_by_the_loop_over_the_cell(self, layer):
        with pytest.raises(ValueError, match="must be 6 tensors.*2 of the shapes"):
            layers.RNN(layer.cell)(self.X, initial_state=self.states(8, 8))

    def test_when_a_model_is_built(self, layer):
        x, state = keras.Input((None, 5)), keras.Input((8,))
        with pytest.raises(ValueError, match=r"hidden state \(batch, 8\).*2 of the shapes \(batch"):
            layer(x, initial_state=[state, state])
        with pytest.raises(ValueError, match="1 of the shapes"):
            layer(x, initial_state=state)

    def test_in_both_directions(self):
        both = layers.Bidirectional(NRNM(8, block_size=4, stride=2))
        with pytest.raises(ValueError, match="must be 6 tensors.*5 of the shapes"):
            both(self.X, initial_state=self.states(*self.RIGHT, *self.RIGHT[:-1])[:11])

    @pytest.mark.parametrize(
        ("backbone", "carry"),
        [("gru", r"8\), memory"), ("high_order_rnn", r"8\), hidden states before it \(4, 16\)")],
    )
    def test_names_what_the_backbone_carries(self, backbone, carry):
        layer = NRNM(8, block_size=4, stride=2, backbone=backbone)
        with pytest.raises(ValueError, match=carry):
            layer(self.X, initial_state=self.states(8))

    def test_in_one_line_of_bounded_length(self, layer):
        with pytest.raises(ValueError) as error:
            layer(self.X, initial_state=self.states(*[8] * 1000))
        assert "1000 of the shapes" in str(error.value)
        assert str(error.value).endswith(", ...")
        assert len(str(error.value)) < 500
        assert "\n" not in str(error.value)

    def test_right_ones_are_taken(self, layer):
        close(layer(self.X, initial_state=self.states(*self.RIGHT)), layer(self.X))
        close(layer(self.X, initial_state=tuple(self.states(*self.RIGHT))), layer(self.X))


def test_regularizers_given_as_objects_come_back_as_they_were():
    layer = NRNM(8, kernel_regularizer=regularizers.L2(0.125))
    restored = NRNM.from_config(layer.get_config())
    assert operator.attrgetter("kernel_regularizer.l2")(restored) == 0.125

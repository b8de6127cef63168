"""What the papers leave open: each choice of `nrnm_keras/layers/README.md` against another one.

A reading is the oracle with one choice made otherwise. The layer must give the oracle's numbers,
and not those of the reading: a change of mind in the layer, or a table that is wrong, shows here.
"""

import pathlib
import re

import numpy as np
import pytest
from keras import ops

import nrnm_keras.layers
from nrnm_keras import NRNM
from tests.layers.common import close, randomize, sequences, sizes_of
from tests.layers.oracle import Oracle, normalize, sigmoid

# As many features as units, so that inputs fit where their embeddings do.
UNITS = 8
# A window as long as a block, a shorter and a longer one.
SAME, SHORTER, LONGER = (6, 2, 6), (6, 2, 2), (4, 2, 8)


def random_layer(sizes, **kwargs):
    options = {"num_heads": 2, "return_sequences": True, **kwargs}
    layer = NRNM(UNITS, **sizes_of(*sizes), **options)
    layer.build((None, None, UNITS))
    return randomize(layer)


class GatesSeeInputs(Oracle):
    def gate_inputs(self, t):
        return self.inputs[t - self.k : t]


class ReadGateSeesEmbeddings(Oracle):
    def read_gate_input(self, x):
        return self.embed(x)


class EmbeddingsAreSquashed(Oracle):
    def embed(self, x):
        return np.tanh(super().embed(x))


class ScaledByAllUnits(Oracle):
    def score_size(self):
        return self.units


class AttendsToStridedInputs(Oracle):
    def attended_units(self, states, inputs):
        return np.array(states + inputs[self.s - 1 :: self.s])


class UnitsHavePositions(Oracle):
    def attended_units(self, states, inputs):
        units = super().attended_units(states, inputs)
        return units + np.sin(np.arange(len(units)))[:, None]


class SlotsBeginTheBlock(Oracle):
    def slot_steps(self, t):
        return range(t - self.k + 1, t + 1, self.s)


class NormalizedJointly(Oracle):
    def normalize(self, x, name):
        scale, offset = self.w[f"{name}_scale"], self.w[f"{name}_offset"]
        return normalize(x.reshape(-1), 1, 0).reshape(x.shape) * scale + offset


class DenseIsSquashed(Oracle):
    def dense_activation(self, x):
        return np.tanh(x)


class MemoryStartsAsIdentity(Oracle):
    def first_memory(self):
        return np.eye(self.slots, self.units)


class WritesFirstStepsOfWindow(Oracle):
    def block_end(self, t):
        return t - self.window + self.k


class WritesPartialBlocks(Oracle):
    """What is missing of the first blocks is zero."""

    def __init__(self, cell):
        super().__init__(cell)
        zeros = [np.zeros(self.units)] * self.k
        self.inputs, self.hiddens, self.embedded = list(zeros), list(zeros), list(zeros)

    def is_write(self, t):
        return (t - self.k) % self.window == 0


class ReadEntersCandidate(Oracle):
    def _lstm(self, x, read):
        w = self.w
        z = x @ w["kernel"] + self._past(1) @ w["recurrent_kernel"] + w["bias"]
        i, f, c, o = np.split(z, 4)
        self.cell = sigmoid(f) * self.cell + sigmoid(i) * np.tanh(c + read)
        return sigmoid(o) * np.tanh(self.cell)


class ReadIsAddedToState(Oracle):
    def _gru(self, x, read):
        return super()._gru(x, 0) + read

    def _rnn(self, x, read):
        return super()._rnn(x, 0) + read

    def _high_order_rnn(self, x, read):
        return super()._high_order_rnn(x, 0) + read


class OutputOfHeldCell(Oracle):
    """Zoneout of the cell state before the output gate sees it."""

    def _lstm(self, x, read):
        w = self.w
        z = x @ w["kernel"] + self._past(1) @ w["recurrent_kernel"] + w["bias"]
        i, f, c, o = np.split(z, 4)
        new = sigmoid(f) * self.cell + sigmoid(i) * np.tanh(c) + read
        self.cell = self.zoneout[1] * self.cell + (1 - self.zoneout[1]) * new
        return sigmoid(o) * np.tanh(self.cell)


READINGS = [
    (GatesSeeInputs, SAME, {}),
    (ReadGateSeesEmbeddings, SAME, {}),
    (EmbeddingsAreSquashed, SAME, {}),
    (ScaledByAllUnits, SAME, {}),
    (AttendsToStridedInputs, SAME, {}),
    (UnitsHavePositions, SAME, {}),
    (SlotsBeginTheBlock, SAME, {}),
    (NormalizedJointly, SAME, {}),
    (DenseIsSquashed, SAME, {}),
    (MemoryStartsAsIdentity, SAME, {}),
    (WritesFirstStepsOfWindow, LONGER, {}),
    (WritesPartialBlocks, SHORTER, {}),
    (ReadEntersCandidate, SAME, {}),
    (ReadIsAddedToState, SAME, {"backbone": "gru"}),
    (ReadIsAddedToState, SAME, {"backbone": "rnn"}),
    (ReadIsAddedToState, SAME, {"backbone": "high_order_rnn"}),
    (OutputOfHeldCell, SAME, {"zoneout": (0.1, 0.3)}),
]


@pytest.mark.parametrize(("reading", "sizes", "arguments"), READINGS)
def test_the_layer_has_made_another_choice(reading, sizes, arguments):
    layer, x = random_layer(sizes, **arguments), sequences(21, 1, UNITS)
    outputs = ops.convert_to_numpy(layer(x))
    close(outputs[0], Oracle(layer.cell).run(x[0]))
    assert np.abs(outputs[0] - reading(layer.cell).run(x[0])).max() > 1e-3


def test_one_slot_is_read_as_in_the_paper():
    """With n = 1 the sizes of Eq. 5 agree; W_r = 1 is then g_m * v itself."""
    layer, x = random_layer((4, 4, 4)), sequences(13, 1, UNITS)
    layer.cell.memory.reader.kernel.assign(np.eye(UNITS))

    class AsInThePaper(Oracle):
        def _read_by_gate(self, x):
            w, v = self.w, self.memory[0]
            before = x @ w["read_gate_kernel"] + v @ w["read_gate_recurrent_kernel"]
            return sigmoid(before + w["read_gate_bias"]) * v

    close(layer(x)[0], AsInThePaper(layer.cell).run(x[0]))


def test_queries_of_the_hidden_states_are_enough():
    """Attention between all units, of which the hidden states' rows are kept."""
    layer, x = random_layer(SAME), sequences(13, 1, UNITS)

    class OfAllUnits(Oracle):
        def _attend(self, hidden, units):
            return super()._attend(units, units)[: len(hidden)]

    close(layer(x)[0], OfAllUnits(layer.cell).run(x[0]))


def test_weights_are_those_of_the_equations_and_no_others():
    """Attention without biases and output projection; the gates' input kernel for all slots."""
    layer, slots, block, units = random_layer(SAME), 3, 6, UNITS
    gates, size, head = 2 * units, slots * units, units // 2
    assert {weight.name: tuple(weight.shape) for weight in layer.weights} == {
        "kernel": (units, 4 * units),
        "recurrent_kernel": (units, 4 * units),
        "bias": (4 * units,),
        "input_kernel": (units, units),
        "read_gate_kernel": (units, size),
        "read_gate_recurrent_kernel": (size, size),
        "read_gate_bias": (size,),
        "read_kernel": (size, units),
        "query_kernel": (units, units),
        "key_kernel": (2, head, units),
        "value_kernel": (2, units, head),
        "dense_kernel": (units, units),
        "dense_bias": (units,),
        "attention_scale": (units,),
        "attention_offset": (units,),
        "dense_scale": (units,),
        "dense_offset": (units,),
        "write_gate_kernel": (block * units, gates),
        "write_gate_recurrent_kernel": (units, gates),
        "write_gate_bias": (gates,),
    }


def test_a_window_that_ends_with_the_sequence_only_is_written():
    layer = random_layer(SAME, return_state=True)
    x = sequences(17, 1, UNITS)
    memory = {t: ops.convert_to_numpy(layer(x[:, :t])[3]) for t in (5, 6, 11, 12, 17)}
    assert not memory[5].any()
    close(memory[11], memory[6], 0)
    close(memory[17], memory[12], 0)
    assert np.abs(memory[12] - memory[6]).max() > 1e-2


def test_activations_are_those_of_the_backbone_alone():
    options = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
    memories = [random_layer(SAME, **each).cell.memory for each in ({}, options)]
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((2, 24), (2, 3, 8), (2, 6, 8), (2, 48))]
    old, hidden, embedded, block = (ops.convert_to_tensor(a, "float32") for a in arrays)
    written = [
        memory.write(old, hidden, embedded, memory.write_gate_inputs(block)).value
        for memory in memories
    ]
    close(*written, 0)
    close(*(memory.read(hidden[:, 0], old) for memory in memories), 0)


def test_dropout_of_inputs_is_one_mask_for_all_that_they_reach():
    """Gates, read gate and embeddings."""
    layer, x = random_layer(SAME, dropout=0.5, seed=1), sequences(13, 4, UNITS)
    state = layer.cell.seed_generator.state
    drawn = ops.copy(state.value)
    outputs = layer(x, training=True)
    state.assign(drawn)
    mask = ops.convert_to_numpy(layer.cell.get_dropout_mask(ops.convert_to_tensor(x[:, 0])))
    layer.cell.reset_dropout_mask()
    assert set(np.unique(mask)) == {0, 2}
    close(outputs, layer(x * mask[:, None]))


def test_dropout_of_the_recurrent_input_spares_the_memory():
    """The hidden states of the block are whole."""
    layer, x = random_layer(SAME, recurrent_dropout=0.5, seed=1), sequences(13, 1, UNITS)
    state = layer.cell.seed_generator.state
    drawn = ops.copy(state.value)
    outputs = ops.convert_to_numpy(layer(x, training=True))
    state.assign(drawn)
    ones = ops.ones((1, UNITS))
    mask = ops.convert_to_numpy(layer.cell.get_recurrent_dropout_mask(ones))[0]
    layer.cell.reset_recurrent_dropout_mask()
    assert set(np.unique(mask)) == {0, 2}

    class Dropped(Oracle):
        def _lstm(self, x, read):
            kernel = self.w["recurrent_kernel"]
            self.w["recurrent_kernel"] = mask[:, None] * kernel
            hidden = super()._lstm(x, read)
            self.w["recurrent_kernel"] = kernel
            return hidden

    close(outputs[0], Dropped(layer.cell).run(x[0]))


def test_the_table_and_the_tests_name_each_other():
    readme = pathlib.Path(nrnm_keras.layers.__file__).parent / "README.md"
    _, table = readme.read_text().split("| equation |")
    rows = re.findall(r"^\|.*\|$", table, re.MULTILINE)[1:]
    named = [re.findall(r"`(\w+)`", row.split("|")[-2]) for row in rows]
    assert all(named), "each choice has a test"
    tests = "".join(path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py"))
    defined = set(re.findall(r"(?:def|class) (\w+)", tests))
    assert {name for names in named for name in names} <= defined
    assert {reading.__name__ for reading, *_ in READINGS} <= {n for names in named for n in names}

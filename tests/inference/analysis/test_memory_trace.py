import numpy as np
import pytest

from nrnm_keras.inference.analysis.directions import recurrent_directions
from nrnm_keras.inference.analysis.memory_trace import trace_memories
from tests.inference.analysis.common import backbone, sequence, sequence_model
from tests.layers.oracle import Oracle, sigmoid

HOLES = (1, 7)


class Witness(Oracle):
    """Keeps what the memory and its gates, computed from the weights, are at each step."""

    def __init__(self, cell):
        super().__init__(cell)
        self.norms, self.read_gates, self.write_gates = [], [], []

    def step(self, x):
        w, old = self.w, self.memory.reshape(-1)
        gate = x @ w["read_gate_kernel"] + old @ w["read_gate_recurrent_kernel"]
        gate = sigmoid(gate + w["read_gate_bias"]).mean()
        self.read_gates.append(gate if old.any() else np.nan)
        super().step(x)
        self.norms.append(np.sqrt(np.square(self.memory).sum()))

    def write(self, t):
        w, block = self.w, np.concatenate(self.embedded[-self.k :])
        from_memory = np.tanh(self.memory) @ w["write_gate_recurrent_kernel"]
        gates = sigmoid(block @ w["write_gate_kernel"] + from_memory + w["write_gate_bias"])
        number = len(self.embedded)
        self.write_gates.append((number, *(half.mean() for half in np.split(gates, 2, axis=-1))))
        super().write(t)


@pytest.mark.parametrize("options", [{}, {"window_size": 2}, {"interaction": "linear"}])
def test_equals_the_equations(options):
    trained = sequence_model(backbone(bidirectional=True, **options))
    raw = sequence(15, HOLES)
    traces = trace_memories(recurrent_directions(trained, raw))
    layer = trained.classifier.backbone.recurrent_layers[0]
    ways = (
        (layer.forward_layer, 1, "layer 1, forward"),
        (layer.backward_layer, -1, "layer 1, backward"),
    )
    for trace, (way, direction, name) in zip(traces, ways, strict=True):
        in_order = np.delete(np.arange(15), HOLES)[::direction]
        witness = Witness(way.cell)
        witness.run(raw[0, in_order])
        numbers, input_gates, forget_gates = zip(*witness.write_gates, strict=True)
        assert trace.name == name
        np.testing.assert_array_equal(trace.steps, in_order)
        np.testing.assert_allclose(trace.norm, witness.norms, atol=1e-5)
        np.testing.assert_allclose(trace.read_gate, witness.read_gates, atol=1e-5)
        np.testing.assert_array_equal(trace.writes, in_order[np.array(numbers) - 1])
        np.testing.assert_allclose(trace.input_gate, input_gates, atol=1e-5)
        np.testing.assert_allclose(trace.forget_gate, forget_gates, atol=1e-5)


def test_without_a_write_the_memory_stays_empty():
    trained = sequence_model(backbone())
    (trace,) = trace_memories(recurrent_directions(trained, sequence(3)))
    assert not trace.norm.any() and not len(trace.writes) and np.isnan(trace.read_gate).all()


def test_a_layer_without_memory_has_no_trace():
    trained = sequence_model(backbone((2,), num_layers=3))
    traces = trace_memories(recurrent_directions(trained, sequence(9)))
    assert [trace.name for trace in traces] == ["layer 2"]
    assert trace_memories(recurrent_directions(sequence_model(backbone(())), sequence(9))) == []

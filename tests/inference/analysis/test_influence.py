import numpy as np
import pytest

from nrnm_keras.inference.analysis import influence
from nrnm_keras.inference.analysis.influence import influence_by_distance
from nrnm_keras.plots.influence import reach
from tests.inference.analysis.common import FEATURES, backbone, sequence, sequence_model
from tests.layers.oracle import Oracle, sigmoid

TIMESTEPS, HOLES = 11, (2, 3)


def nrnm_state(cell, x):
    return Oracle(cell).run(x)[-1]


def lstm_state(cell, x):
    kernel, recurrent_kernel, bias = (np.float64(weight) for weight in cell.weights)
    hidden, carry = np.zeros(4), np.zeros(4)
    for step in x:
        i, f, c, o = np.split(step @ kernel + hidden @ recurrent_kernel + bias, 4)
        carry = sigmoid(f) * carry + sigmoid(i) * np.tanh(c)
        hidden = sigmoid(o) * np.tanh(carry)
    return hidden


def finite_differences(state, x, size=1e-5):
    """The norm of the derivative of the last state by each step of x, the last step first."""
    norms = []
    for step in reversed(range(len(x))):
        columns = []
        for feature in range(FEATURES):
            nudge = np.zeros_like(x)
            nudge[step, feature] = size
            columns.append((state(x + nudge) - state(x - nudge)) / (2 * size))
        norms.append(np.sqrt(np.square(columns).sum()))
    return norms


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_equals_finite_differences(memory, bidirectional):
    trained = sequence_model(backbone((1,) if memory else (), bidirectional=bidirectional))
    raw = sequence(TIMESTEPS, HOLES)
    (layer,) = trained.classifier.backbone.recurrent_layers
    cell = (layer.forward_layer if bidirectional else layer).cell
    x = np.float64(np.delete(raw[0], HOLES, axis=0))
    expected = finite_differences(lambda x: (nrnm_state if memory else lstm_state)(cell, x), x)
    found = influence_by_distance(trained, raw)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_units_may_be_taken_a_few_at_a_time(monkeypatch):
    trained, raw = sequence_model(backbone()), sequence(TIMESTEPS)
    at_once = influence_by_distance(trained, raw)
    monkeypatch.setattr(influence, "_MOST_STEPS", 3 * TIMESTEPS)
    np.testing.assert_allclose(influence_by_distance(trained, raw), at_once, rtol=1e-5)


def test_reach_is_the_first_distance_with_the_share():
    norms = np.random.default_rng(0).random(50)
    for share in (0.1, 0.5, 0.9, 1.0):
        distance = reach(norms, share)
        assert norms[: distance + 1].sum() >= share * norms.sum() * (1 - 1e-12)
        assert norms[:distance].sum() < share * norms.sum()

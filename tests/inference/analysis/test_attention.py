import numpy as np
import pytest

from nrnm_keras.inference.analysis.attention import (
    Attention,
    attention_limits,
    attention_of_writes,
    attention_received,
)
from nrnm_keras.inference.analysis.directions import recurrent_directions
from tests.inference.analysis.common import backbone, sequence, sequence_model
from tests.layers.common import close
from tests.layers.oracle import Oracle

HOLES = (0, 5, 6)
TIMESTEPS = 15


@pytest.fixture(scope="module")
def trained():
    layers = backbone((1, 2), num_layers=2, bidirectional=True, window_size=2)
    return sequence_model(layers)


@pytest.fixture(scope="module")
def attentions(trained):
    return attention_of_writes(recurrent_directions(trained, sequence(TIMESTEPS, HOLES)))


def test_equals_the_attention_of_the_equations(trained, attentions):
    """A NumPy program goes through both layers in both directions."""
    assert [attention.name for attention in attentions] == [
        *("layer 1, forward", "layer 1, backward", "layer 2, forward", "layer 2, backward"),
    ]
    x = np.delete(sequence(TIMESTEPS, HOLES)[0], HOLES, axis=0)
    attentions = iter(attentions)
    for layer in trained.classifier.backbone.recurrent_layers:
        forward = Oracle(layer.forward_layer.cell)
        backward = Oracle(layer.backward_layer.cell)
        x = np.concatenate([forward.run(x), backward.run(x[::-1])[::-1]], axis=-1)
        close(next(attentions).weights, np.array(forward.attention))
        close(next(attentions).weights, np.array(backward.attention))


@pytest.mark.parametrize("number", range(4))
def test_names_the_steps_of_hidden_states_and_inputs(attentions, number):
    """Blocks of four steps that count, every second of whose hidden states is a slot."""
    in_order = np.delete(np.arange(TIMESTEPS), HOLES)[:: (1, -1)[number % 2]]
    expected = [
        [*in_order[end - 3 : end : 2], *in_order[end - 4 : end]] for end in (4, 6, 8, 10, 12)
    ]
    np.testing.assert_array_equal(attentions[number].steps, expected)


def test_attention_received_is_a_mean_over_all_that_saw_the_step(attentions):
    expected = []
    for step in range(TIMESTEPS):
        shares = [
            6 * row[unit]  # of 2 hidden states and 4 inputs
            for attention in attentions
            for heads, sources in zip(attention.weights, attention.steps, strict=True)
            for head in heads
            for row in head
            for unit in range(2, 6)
            if sources[unit] == step
        ]
        expected.append(np.mean(shares) if shares else np.nan)
    assert np.isnan(expected).tolist() == [step in HOLES for step in range(TIMESTEPS)]
    np.testing.assert_allclose(attention_received(attentions, TIMESTEPS), expected, rtol=1e-5)


def test_equal_attention_is_one():
    trained = sequence_model(backbone())
    trained.classifier.backbone.recurrent_layers[0].cell.memory.query_kernel.assign(
        np.zeros((4, 4))
    )
    attentions = attention_of_writes(recurrent_directions(trained, sequence(9)))
    np.testing.assert_allclose(attention_received(attentions, 9), [1] * 8 + [np.nan], rtol=1e-6)


@pytest.mark.parametrize(
    ("layers", "timesteps"),
    [
        (backbone(()), 9),
        (backbone(interaction="linear"), 9),
        (backbone(), 3),
        (backbone(window_size=6), 5),
    ],
)
def test_no_attention_without_memory_or_attention_or_a_write(layers, timesteps):
    trained = sequence_model(layers)
    assert attention_of_writes(recurrent_directions(trained, sequence(timesteps))) == []
    assert np.isnan(attention_received([], timesteps)).all()


def test_all_memories_share_the_limits_of_the_color_scale():
    weights = np.zeros((1, 2, 1, 3))
    weights[0, 0] = 0.2, 0.2, 0.6
    weights[0, 1] = 0.4, 0.2, 0.4
    attentions = [Attention("layer 1", weights, None), Attention("layer 2", weights / 2, None)]
    np.testing.assert_allclose(attentions[0].mean_weights, [[[0.3, 0.2, 0.5]]])
    np.testing.assert_allclose(attention_limits(attentions), (0.1, 0.5))
    assert attention_limits([]) == (0, 0)

import keras
import numpy as np
import pytest

from nrnm_keras.config import OptimizerConfig
from nrnm_keras.train.optimizer import LearningRate, averaged_weights, create_optimizer


def options(**given):
    return OptimizerConfig(**{"learning_rate": 1.0, "clip_norm": 0.0, **given})


def optimizer_of(num_steps=1, shares=1, **given):
    given = options(**given)
    return create_optimizer(given, LearningRate(given, num_steps), shares)


def rates(num_steps, **given):
    """The learning rate at each step, and after the last."""
    return rates_of(optimizer_of(num_steps, learning_rate=0.4, **given), num_steps)


def rates_of(optimizer, num_steps):
    values = []
    for step in range(num_steps + 1):
        optimizer.iterations.assign(step)
        values.append(float(optimizer.learning_rate))
    return values


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [0.4, 0.4, 0.4, 0.4, 0.4]),
        ({"warmup_fraction": 0.5}, [0.0, 0.2, 0.4, 0.4, 0.4]),
        ({"learning_rate_schedule": "cosine"}, [0.4, 0.2 + 0.2 * 0.5**0.5, 0.2, 0.0586, 0.0]),
        ({"learning_rate_schedule": "cosine", "warmup_fraction": 0.5}, [0.0, 0.2, 0.4, 0.2, 0.0]),
    ],
)
def test_learning_rates_by_hand(given, expected):
    np.testing.assert_allclose(rates(4, **given), expected, atol=1e-4)


def test_learning_rates_of_another_number_of_steps():
    given = options(learning_rate=0.4, learning_rate_schedule="cosine", warmup_fraction=0.5)
    learning_rate = LearningRate(given, 100)
    optimizer = create_optimizer(given, learning_rate)
    learning_rate.span(4)
    np.testing.assert_allclose(rates_of(optimizer, 4), [0.0, 0.2, 0.4, 0.2, 0.0], atol=1e-4)


def test_all_gradients_are_clipped_together():
    optimizer = optimizer_of(clip_norm=1.0)
    assert optimizer.global_clipnorm == 1.0
    assert optimizer_of(clip_norm=0.0).global_clipnorm is None
    assert isinstance(optimizer, keras.optimizers.Adam)


def test_limit_of_the_norm_is_shared_out():
    assert optimizer_of(clip_norm=1.0, shares=4).global_clipnorm == 0.25
    assert optimizer_of(clip_norm=0.0, shares=4).global_clipnorm is None


def test_moving_average_of_the_weights():
    optimizer = optimizer_of(ema_momentum=0.75)
    variable = keras.Variable([4.0])
    values = []
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [variable])
        values.append(variable.numpy())
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(variable.numpy(), 0.75 * values[0] + 0.25 * values[1], rtol=1e-6)


def train(ema_momentum, scale_loss=False):
    """A network after three steps with its optimizer."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    network = keras.Sequential([keras.Input((2,)), *layers])
    optimizer = optimizer_of(learning_rate=0.1, ema_momentum=ema_momentum)
    if scale_loss:  # as Keras does in mixed precision
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    network.compile(optimizer, "mse")
    random = np.random.default_rng(0)
    for _ in range(3):
        network.train_on_batch(random.normal(size=(4, 2)), random.normal(size=(4, 3)))
    return network


def arrays(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_same_bits(found, expected):
    assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("scale_loss", [False, True])
def test_averaged_weights_are_there_in_the_context_only(scale_loss):
    network = train(ema_momentum=0.9, scale_loss=scale_loss)
    variables = [*network.variables, *network.optimizer.variables]
    before = arrays(variables)
    weights, fixed = map(arrays, (network.trainable_variables, network.non_trainable_variables))
    averages = arrays(v for v in network.optimizer.variables if "average" in v.path)
    assert len(averages) == len(weights) == 4
    assert not any(map(np.array_equal, averages, weights))
    with averaged_weights(network):
        assert_same_bits(arrays(network.trainable_variables), averages)
        assert_same_bits(arrays(network.non_trainable_variables), fixed)
    assert_same_bits(arrays(variables), before)


def test_weights_come_back_after_an_error():
    network = train(ema_momentum=0.9)
    before = arrays(network.variables)
    with pytest.raises(KeyboardInterrupt), averaged_weights(network):
        raise KeyboardInterrupt
    assert_same_bits(arrays(network.variables), before)


def test_without_an_average_nothing_changes():
    network = train(ema_momentum=0.0)
    before = arrays(network.variables)
    with averaged_weights(network):
        assert_same_bits(arrays(network.variables), before)
    assert_same_bits(arrays(network.variables), before)

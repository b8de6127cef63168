from types import SimpleNamespace

import keras
import numpy as np
import pytest

from nrnm_keras.training.optimizer import create_optimizer


def make_flags(**given):
    defaults = {
        "learning_rate": 1.0,
        "learning_rate_schedule": "constant",
        "warmup_fraction": 0.0,
        "clip_norm": 0.0,
        "ema_momentum": 0.0,
    }
    return SimpleNamespace(**{**defaults, **given})


def rates(num_steps, **flags):
    """The learning rate at each step, and after the last."""
    optimizer = create_optimizer(make_flags(learning_rate=0.4, **flags), num_steps)
    values = []
    for step in range(num_steps + 1):
        optimizer.iterations.assign(step)
        values.append(float(optimizer.learning_rate))
    return values


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, [0.4, 0.4, 0.4, 0.4, 0.4]),
        ({"warmup_fraction": 0.5}, [0.0, 0.2, 0.4, 0.4, 0.4]),
        ({"learning_rate_schedule": "cosine"}, [0.4, 0.2 + 0.2 * 0.5**0.5, 0.2, 0.0586, 0.0]),
        ({"learning_rate_schedule": "cosine", "warmup_fraction": 0.5}, [0.0, 0.2, 0.4, 0.2, 0.0]),
    ],
)
def test_learning_rates_by_hand(flags, expected):
    np.testing.assert_allclose(rates(4, **flags), expected, atol=1e-4)


def test_all_gradients_are_clipped_together():
    flags = make_flags(clip_norm=1.0)
    optimizer = create_optimizer(flags, 1)
    assert optimizer.global_clipnorm == 1.0
    flags.clip_norm = 0.0
    assert create_optimizer(flags, 1).global_clipnorm is None
    assert isinstance(optimizer, keras.optimizers.Adam)


def test_moving_average_of_the_weights():
    optimizer = create_optimizer(make_flags(ema_momentum=0.75), 1)
    variable = keras.Variable([4.0])
    values = []
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [variable])
        values.append(variable.numpy())
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(variable.numpy(), 0.75 * values[0] + 0.25 * values[1], rtol=1e-6)

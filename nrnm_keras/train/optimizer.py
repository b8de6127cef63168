"""Adam with a learning-rate schedule and gradient clipping."""

import contextlib
from collections.abc import Iterator

import keras

from nrnm_keras.config import OptimizerConfig
from nrnm_keras.layers.private_keras import moving_averages


def create_optimizer(
    options: OptimizerConfig, num_steps: int, shares: int = 1
) -> keras.optimizers.Optimizer:
    """Returns the optimizer.

    Args:
        options: the `OptimizerConfig`.
        num_steps: number of training steps that the schedule spans.
        shares: number of equal shares that each gradient is split into before it is clipped.
    """
    return keras.optimizers.Adam(
        _learning_rate(options, num_steps),
        global_clipnorm=options.clip_norm / shares or None,
        use_ema=options.ema_momentum > 0,
        ema_momentum=options.ema_momentum,
    )


@contextlib.contextmanager
def averaged_weights(network: keras.Model) -> Iterator[None]:
    """Within this context, a network has the moving averages of its weights, if there are any.

    `keras.callbacks.SwapEMAWeights` does the same with sums and differences, which leave rounding
    errors in the weights.
    """
    optimizer = getattr(network.optimizer, "inner_optimizer", network.optimizer)
    _swap_averages(optimizer)
    try:
        yield
    finally:
        _swap_averages(optimizer)


def _swap_averages(optimizer):
    if not optimizer.use_ema:
        return
    for variable, average in moving_averages(optimizer):
        weights = keras.ops.convert_to_numpy(variable)
        variable.assign(keras.ops.convert_to_numpy(average))
        average.assign(weights)


def _learning_rate(options, num_steps):
    warmup = round(options.warmup_fraction * num_steps)
    constant = options.learning_rate_schedule == "constant"
    if constant and not warmup:
        return options.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else options.learning_rate,
        decay_steps=max(1, num_steps - warmup),
        alpha=1.0 if constant else 0.0,
        warmup_target=options.learning_rate if warmup else None,
        warmup_steps=warmup,
    )

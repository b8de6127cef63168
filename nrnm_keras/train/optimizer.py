"""Adam with a learning-rate schedule and gradient clipping."""

import contextlib

import keras

from nrnm_keras.layers.private_keras import moving_averages

SCHEDULES = ("constant", "cosine")


def create_optimizer(flags, num_steps, shares=1):
    """Returns the optimizer.

    Args:
        flags: with `learning_rate`, `learning_rate_schedule` (`"constant"`, or `"cosine"`, which
            ends at zero), `warmup_fraction` (the share of the steps in which the rate rises from
            zero), `clip_norm` (of all gradients together; 0 for none) and `ema_momentum` (of a
            moving average of the weights; 0 for none).
        num_steps: number of training steps that the schedule spans.
        shares: number of equal shares in which the optimizer gets a gradient and limits its norm.
    """
    return keras.optimizers.Adam(
        _learning_rate(flags, num_steps),
        global_clipnorm=flags.clip_norm / shares or None,
        use_ema=flags.ema_momentum > 0,
        ema_momentum=flags.ema_momentum,
    )


@contextlib.contextmanager
def averaged_weights(network):
    """In this context a network has the moving averages of its weights, if there are any.

    `keras.callbacks.SwapEMAWeights` does the same with sums and differences, whose rounding errors
    stay in the weights.
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


def _learning_rate(flags, num_steps):
    warmup = round(flags.warmup_fraction * num_steps)
    constant = flags.learning_rate_schedule == "constant"
    if constant and not warmup:
        return flags.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else flags.learning_rate,
        decay_steps=max(1, num_steps - warmup),
        alpha=1.0 if constant else 0.0,
        warmup_target=flags.learning_rate if warmup else None,
        warmup_steps=warmup,
    )

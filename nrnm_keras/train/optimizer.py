"""Adam with a learning-rate schedule and gradient clipping."""

import contextlib
from collections.abc import Iterator

import keras

from nrnm_keras.config import OptimizerConfig
from nrnm_keras.layers.private_keras import moving_averages


class LearningRate(keras.optimizers.schedules.CosineDecay):
    """A learning rate that rises during the warmup, and then stays or falls as a cosine.

    Args:
        options: the `OptimizerConfig`.
        num_steps: number of training steps that the schedule spans.
    """

    def __init__(self, options: OptimizerConfig, num_steps: int) -> None:
        self._warmup_fraction = options.warmup_fraction
        rate, has_warmup = options.learning_rate, options.warmup_fraction > 0
        super().__init__(
            0.0 if has_warmup else rate,
            # Variables, so that one graph serves trainings of several lengths.
            decay_steps=keras.Variable(1, trainable=False, dtype="int32"),
            alpha=1.0 if options.learning_rate_schedule == "constant" else 0.0,
            warmup_target=rate if has_warmup else None,
            warmup_steps=keras.Variable(0, trainable=False, dtype="int32"),
        )
        self.span(num_steps)

    def span(self, num_steps: int) -> None:
        """Makes the schedule span another number of training steps."""
        warmup = round(self._warmup_fraction * num_steps)
        self.decay_steps.assign(max(1, num_steps - warmup))
        self.warmup_steps.assign(warmup)


def create_optimizer(
    options: OptimizerConfig, learning_rate: LearningRate, shares: int = 1
) -> keras.optimizers.Optimizer:
    """Returns the optimizer.

    Args:
        options: the `OptimizerConfig`.
        learning_rate: the `LearningRate`.
        shares: number of equal shares that each gradient is split into before it is clipped.
    """
    is_constant = options.learning_rate_schedule == "constant" and not options.warmup_fraction
    return keras.optimizers.Adam(
        options.learning_rate if is_constant else learning_rate,
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

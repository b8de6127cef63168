"""The precision of a training's computations, chosen by what is faster on this machine."""

import functools
import statistics
import time
from typing import TYPE_CHECKING

import keras
from keras import ops

from nrnm_keras.config import TrainConfig
from nrnm_keras.tasks.settings import Setting

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas

_VALUES = ("none", "bfloat16", "float16")
_STEPS, _REPEATS = 50, 7
# Larger batches do not change the ratio.
_LARGEST_BATCH = 128
# Below, the time saved is within what a measurement varies by.
_LEAST_SPEEDUP = 1.1


def choose_precision(
    config: TrainConfig, replicas: "Replicas | JaxReplicas", before: str | None
) -> Setting:
    """Chooses the value of `--mixed_precision=auto`, which all processes get from the chief.

    Args:
        config: the `TrainConfig`.
        replicas: the `Replicas`.
        before: the value that a run to resume has, or `None`.
    """
    units, speedup = config.network.units, 0.0
    value = before or "none"
    if replicas.worker == 0 and not before:
        speedup = bfloat16_speedup(units, min(config.batch_size, _LARGEST_BATCH))
        value = "bfloat16" if speedup >= _LEAST_SPEEDUP else "none"
    index, speedup = replicas.broadcast([_VALUES.index(value), speedup])
    reason = f"{units} units here: bfloat16 is {speedup:.2f} times as fast"
    if not speedup:
        reason = "as when this run began"
    return Setting("mixed_precision", _VALUES[int(index)], reason)


@functools.cache  # networks that are compared get the same precision
def bfloat16_speedup(units: int, batch_size: int) -> float:
    """Measures how many times as fast as float32 a plain recurrence in bfloat16 is.

    Networks of three layers, one with the memory, gained within 0.2 of it at 32 to 512 units.
    """
    runs = {name: _compiled_recurrence(name, units, batch_size) for name in ("float32", "bfloat16")}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_REPEATS):
        for name, run in runs.items():
            start = time.perf_counter()
            ops.convert_to_numpy(run())  # waits for the result
            seconds[name].append(time.perf_counter() - start)
    return statistics.median(map(lambda a, b: a / b, *seconds.values()))


def _compiled_recurrence(dtype, units, batch_size):
    def recur(kernel, state):
        for _ in range(_STEPS):
            hidden = ops.tanh(ops.matmul(kernel, state))
            state = ops.concatenate([hidden, hidden], axis=0)
        return ops.cast(ops.mean(state), "float32")

    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(recur)
    else:
        import tensorflow as tf

        compiled = tf.function(recur)
    # Arguments: constants would be folded when the function is compiled.
    kernel = ops.full((units, 2 * units), 1 / units, dtype)
    state = ops.ones((2 * units, batch_size), dtype)
    compiled(kernel, state)
    return lambda: compiled(kernel, state)

"""Where a training runs: devices and XLA."""

import tensorflow as tf

STRATEGIES = ("auto", "one_device", "mirrored")


def create_strategy(name="auto"):
    """Returns a `tf.distribute.Strategy`.

    Args:
        name: `"one_device"`, the first GPU or else the CPU; `"mirrored"`, copies on all GPUs that
            share every batch; `"auto"`, mirrored if there are several GPUs.
    """
    several = len(tf.config.list_logical_devices("GPU")) > 1
    if name == "mirrored" or (name == "auto" and several):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def jit_compile(strategy):
    """Returns the argument `jit_compile` of a model's `compile`: when to use XLA.

    On one GPU Keras may choose. On CPU the recurrent loop ran 1.6 times slower with XLA than
    without, and XLA fails inside a `MirroredStrategy`.
    """
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return "auto" if on_gpu and strategy.num_replicas_in_sync == 1 else False

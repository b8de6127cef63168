"""Where a training runs: its devices and processes, and whether it uses XLA."""

import glob
import logging
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from nrnm_keras.commands.stopping import handled
from nrnm_keras.config import DeviceConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.saved_arrays import shortened
from nrnm_keras.train.cluster import read_cluster
from nrnm_keras.train.meeting import meet
from pipelines.install_hint import install_hint

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas

# All processes are already running; connecting them takes a second or two.
_SECONDS_TO_CONNECT = 180


def create_replicas(devices: DeviceConfig, batch_size: int) -> "Replicas | JaxReplicas":
    """Returns the `Replicas`, or on JAX the `JaxReplicas`, of a training.

    Call it before TensorFlow or JAX uses a device: only then can processes be connected and the CPU
    be split.

    Args:
        devices: the `DeviceConfig`.
        batch_size: integer, the total size of a batch over all devices.

    Raises:
        UsageError: if the options do not work together, or a process does not start.
        Stopped: on SIGTERM and SIGHUP while the processes wait for each other.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        raise UsageError("training needs KERAS_BACKEND=tensorflow or jax; it is 'torch'")
    replicas = _create_on_jax(devices) if backend == "jax" else _create_on_tensorflow(devices)
    if batch_size % replicas.count:
        raise UsageError(
            f"batch_size={batch_size} is not divisible by the number of devices, {replicas.count}"
        )
    num_shards = devices.input_shards or replicas.num_workers
    if batch_size % num_shards or num_shards % replicas.num_workers:
        raise UsageError(
            f"input_shards={num_shards} must divide batch_size={batch_size} and be a multiple of "
            f"the number of processes, {replicas.num_workers}"
        )
    return replicas


def _create_on_jax(devices):
    import jax

    from nrnm_keras.train.jax_replicas import JaxReplicas

    if devices.strategy == "multi_worker":
        raise UsageError("strategy=multi_worker needs KERAS_BACKEND=tensorflow; it is 'jax'")
    if devices.xla == "off":
        raise UsageError("xla=off needs KERAS_BACKEND=tensorflow: JAX always compiles with XLA")
    if devices.cpu_devices > 1:
        jax.config.update("jax_num_cpu_devices", devices.cpu_devices)
    several = devices.strategy == "mirrored" or (
        devices.strategy == "auto" and jax.device_count() > 1
    )
    return JaxReplicas(several)


def _create_on_tensorflow(devices):
    import tensorflow as tf

    from nrnm_keras.train.replicas import Replicas

    if devices.cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        configuration = [tf.config.LogicalDeviceConfiguration()] * devices.cpu_devices
        try:
            tf.config.set_logical_device_configuration(cpu, configuration)
        except RuntimeError as error:
            raise UsageError(
                f"cpu_devices={devices.cpu_devices} must be set before TensorFlow is used: {error}"
            ) from error
    gpus = tf.config.list_physical_devices("GPU")
    warn_of_unused_gpus(gpus)
    several = devices.strategy in ("mirrored", "multi_worker")
    several = several or (devices.strategy == "auto" and len(gpus) > 1)
    if several and devices.xla == "on":
        raise UsageError(
            f"xla=on needs strategy=one_device on TensorFlow; it is {devices.strategy}: XLA cannot "
            "compile the all-reduce of gradients"
        )
    if devices.strategy == "multi_worker":
        cluster = read_cluster(os.environ.get("TF_CONFIG"))
        meet(cluster, devices.cluster_timeout)
        strategy = _connect(cluster)
    elif several:
        strategy = tf.distribute.MirroredStrategy(
            tf.config.list_logical_devices("GPU" if gpus else "CPU")
        )
    else:
        strategy = tf.distribute.get_strategy()
    return Replicas(
        strategy, devices.xla == "on" or (devices.xla == "auto" and bool(gpus) and not several)
    )


def warn_of_unused_gpus(gpus: Sequence[Any], paths: str = "/dev/nvidia[0-9]*") -> None:
    """Warns of GPUs that TensorFlow does not find, as its own log messages may be hidden.

    Args:
        gpus: list of the GPUs that TensorFlow finds.
        paths: glob pattern of the device files of the system's GPUs.
    """
    if not gpus and "CUDA_VISIBLE_DEVICES" not in os.environ and glob.glob(paths):
        logging.getLogger(__name__).warning(
            "there is an NVIDIA GPU, but TensorFlow does not find it and uses the CPU; --verbose "
            "shows TensorFlow's messages, %s installs what it needs",
            install_hint("gpu"),
        )


def _connect(cluster):
    """Returns the strategy of several processes, which must all be running."""
    import tensorflow as tf

    try:
        # This call returns to Python only when all processes are connected, and never if one is
        # lost now. So Ctrl-C and the alarm must end the process without Python.
        with handled([signal.SIGINT, signal.SIGALRM], signal.SIG_DFL):
            signal.alarm(_SECONDS_TO_CONNECT)
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise UsageError(
            f"the {len(cluster.workers)} workers were running, but could not be connected: "
            f"{shortened(error)}; start all workers again"
        ) from error
    finally:
        signal.alarm(0)
        # TensorFlow replaced Python's handler with one that does not end the process.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))

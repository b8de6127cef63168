"""Where a training runs: which devices, in which processes, and whether with XLA."""

import glob
import logging
import os
import signal

import keras

from nrnm_keras.commands.stopping import handled
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.saved_arrays import shortened
from nrnm_keras.train.cluster import read_cluster
from nrnm_keras.train.meeting import meet

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")
XLA = ("auto", "on", "off")
# All processes are there by then; connecting them takes one or two.
_SECONDS_TO_CONNECT = 180


def create_replicas(flags):
    """Returns the `Replicas`, or on JAX the `JaxReplicas`, that the flags ask for.

    To be called before TensorFlow or JAX has used a device: several processes must find each other
    first, and the CPU can be split first only.

    Args:
        flags: with `strategy` (`"one_device"`, the first GPU or else the CPU; `"mirrored"`, all
            devices of this machine, which share every batch; `"multi_worker"`, the devices of all
            machines that the environment variable TF_CONFIG names; `"auto"`, mirrored if there are
            several GPUs, or on JAX several devices), `xla` (`"on"`, `"off"`, or `"auto"`: on one
            GPU, where it pays), `cpu_devices` (the number of logical devices that the CPU is split
            into), `batch_size`, `input_parts` and, for several machines, `cluster_timeout` (seconds
            that they wait for each other).

    Raises:
        UsageError: for what cannot work together, or a machine that does not come.
        Stopped: on SIGTERM and SIGHUP while the machines wait for each other.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        raise UsageError("training needs KERAS_BACKEND=tensorflow or jax; it is 'torch'")
    replicas = _create_on_jax(flags) if backend == "jax" else _create_on_tensorflow(flags)
    if flags.batch_size % replicas.count:
        raise UsageError(
            f"batch_size={flags.batch_size} cannot be shared equally by {replicas.count} devices"
        )
    num_parts = flags.input_parts or replicas.num_workers
    if flags.batch_size % num_parts or num_parts % replicas.num_workers:
        raise UsageError(
            f"input_parts={num_parts} has to divide batch_size={flags.batch_size} and to be a "
            f"multiple of the number of processes, {replicas.num_workers}"
        )
    return replicas


def _create_on_jax(flags):
    import jax

    from nrnm_keras.train.jax_replicas import JaxReplicas

    if flags.strategy == "multi_worker":
        raise UsageError("strategy=multi_worker needs KERAS_BACKEND=tensorflow; it is 'jax'")
    if flags.xla == "off":
        raise UsageError("xla=off needs KERAS_BACKEND=tensorflow: JAX always compiles with XLA")
    if flags.cpu_devices > 1:
        jax.config.update("jax_num_cpu_devices", flags.cpu_devices)
    several = flags.strategy == "mirrored" or (flags.strategy == "auto" and jax.device_count() > 1)
    return JaxReplicas(several)


def _create_on_tensorflow(flags):
    import tensorflow as tf

    from nrnm_keras.train.replicas import Replicas

    if flags.cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        configuration = [tf.config.LogicalDeviceConfiguration()] * flags.cpu_devices
        try:
            tf.config.set_logical_device_configuration(cpu, configuration)
        except RuntimeError as error:
            raise UsageError(f"cpu_devices={flags.cpu_devices} comes too late: {error}") from error
    gpus = tf.config.list_physical_devices("GPU")
    warn_of_unused_gpus(gpus)
    several = flags.strategy in ("mirrored", "multi_worker")
    several = several or (flags.strategy == "auto" and len(gpus) > 1)
    if several and flags.xla == "on":
        raise UsageError(
            f"xla=on needs strategy=one_device on TensorFlow; it is {flags.strategy}: XLA cannot "
            "compile the exchange of gradients between devices"
        )
    if flags.strategy == "multi_worker":
        cluster = read_cluster(os.environ.get("TF_CONFIG"))
        meet(cluster, flags.cluster_timeout)
        strategy = _connect(cluster)
    elif several:
        strategy = tf.distribute.MirroredStrategy(
            tf.config.list_logical_devices("GPU" if gpus else "CPU")
        )
    else:
        strategy = tf.distribute.get_strategy()
    return Replicas(
        strategy, flags.xla == "on" or (flags.xla == "auto" and bool(gpus) and not several)
    )


def warn_of_unused_gpus(gpus, devices="/dev/nvidia[0-9]*"):
    """Warns of GPUs that TensorFlow does not find, as what it logs itself may be hidden.

    Args:
        gpus: list of those that it finds.
        devices: pattern of the paths of those that the system has.
    """
    if not gpus and "CUDA_VISIBLE_DEVICES" not in os.environ and glob.glob(devices):
        logging.getLogger(__name__).warning(
            "there is an NVIDIA GPU, but TensorFlow does not find it and takes the CPU; "
            "--verbose shows what it says, pip install 'nrnm-keras[gpu]' has what it needs"
        )


def _connect(cluster):
    """Returns the strategy of several processes, all of which have to be there."""
    import tensorflow as tf

    try:
        # It does not come back to Python before all are connected, and never if one is lost now:
        # Ctrl-C and the alarm have to end the process without it.
        with handled([signal.SIGINT, signal.SIGALRM], signal.SIG_DFL):
            signal.alarm(_SECONDS_TO_CONNECT)
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise UsageError(
            f"the {len(cluster.workers)} workers were there, but could not be connected: "
            f"{shortened(error)}; start all of them again"
        ) from error
    finally:
        signal.alarm(0)
        # TensorFlow has put a handler of its own in the place of Python's, which ends nothing.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))

"""JaxReplicas: data-parallel training on JAX's devices."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from nrnm_keras.data.batches import is_labeled
from nrnm_keras.typing import ArrayLike


class JaxReplicas:
    """`Replicas` for Keras's JAX backend: all copies run in one process, always with XLA.

    Args:
        several: whether to split each batch across all devices.
    """

    xla = True
    clipping_shares = 1
    num_workers = 1
    worker = 0

    def __init__(self, several: bool) -> None:
        devices = keras.distribution.list_devices() if several else []
        self.count = len(devices) or 1
        if several:
            keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the context in which the network must be created."""
        return contextlib.nullcontext()

    def devices(self) -> list[str]:
        """Returns the names of the devices, for the report."""
        import jax

        return [device.device_kind for device in jax.devices()[: self.count]]

    def compile(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        metrics: list[keras.metrics.Metric],
        batch_spec: Any = None,
    ) -> None:
        """Compiles the network, as `Replicas` does. JAX compiles a graph for each shape."""
        self._network = network
        network.compile(optimizer=optimizer, loss=loss, weighted_metrics=metrics)
        network.optimizer.build(network.trainable_variables)

    def restart(self) -> None:
        """Prepares the compiled network for another training, with another learning rate."""
        self._network.make_train_function(force=True)

    def broadcast(self, numbers: ArrayLike) -> np.ndarray:
        """Returns the numbers as a float64 array."""
        return np.asarray(numbers, "float64")

    all_reduce_sum = broadcast

    def on_chief(self, function: Callable[[], object]) -> None:
        """Runs a function."""
        function()

    def naming_lost_processes(self) -> contextlib.AbstractContextManager:
        """Returns a context that does nothing, as there are no other processes."""
        return contextlib.nullcontext()

    def train_on_batch(self, sequences: Any, targets: Any, weights: Any) -> dict[str, float]:
        """Runs a training step; returns the same as `Replicas`."""
        sequences, targets, weights = (x.numpy() for x in (sequences, targets, weights))
        values = self._network.train_on_batch(sequences, targets, weights, return_dict=True)
        return {
            **{name: float(value) for name, value in values.items()},
            "examples": float(np.count_nonzero(weights)),
            "labeled": float(np.sum(is_labeled(targets, weights))),
        }

    def predict_on_batch(self, sequences: Any) -> np.ndarray:
        """Returns the network's outputs for a batch, as an array."""
        rows = sequences.shape[0]
        filled = -(-rows // self.count) * self.count
        sequences = np.take(sequences, np.arange(filled) % rows, axis=0)
        return np.asarray(self._network.predict_on_batch(sequences))[:rows]

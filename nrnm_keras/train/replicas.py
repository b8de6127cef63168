"""Replicas: the copies of a network that train together on TensorFlow's devices."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.commands.stopping import STOP_SIGNALS, handled
from nrnm_keras.data.batches import is_labeled
from nrnm_keras.errors import UsageError
from nrnm_keras.typing import ArrayLike
from pipelines.errors import SourceError

# How errors of what several processes do together begin.
_COLLECTIVE = "Collective ops is aborted"


class Replicas:
    """The copies of a network on the devices of one or several processes.

    Args:
        strategy: a `tf.distribute.Strategy`.
        xla: whether the training step is compiled with XLA.

    Attributes:
        count: number of copies in all processes together.
        clipping_shares: number of equal shares in which the optimizer gets the gradient.
        num_workers, worker: number of processes, and which one of them this is.
    """

    def __init__(self, strategy: tf.distribute.Strategy, xla: bool) -> None:
        self.strategy = strategy
        self.xla = xla
        self.count = self.clipping_shares = strategy.num_replicas_in_sync
        cluster = strategy.cluster_resolver and strategy.cluster_resolver.cluster_spec().as_dict()
        self.num_workers = len(cluster["worker"]) if cluster else 1
        self.worker = strategy.cluster_resolver.task_id if cluster else 0
        self._local = self.count // self.num_workers

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the context in which the network is made."""
        return self.strategy.scope()

    def devices(self) -> list[str]:
        """Returns the names of this process's devices, for the report."""
        gpus = tf.config.list_physical_devices("GPU")[: self._local]
        names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
        return names or ["CPU"] * self._local

    def compile(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        metrics: list[keras.metrics.Metric],
        batch_spec: Any,
    ) -> None:
        """Takes the network that is to be trained; called in `scope`.

        Args:
            network: a Keras model.
            optimizer: a Keras optimizer.
            loss: a Keras loss.
            metrics: list of Keras metrics.
            batch_spec: the `element_spec` of the training batches, so that one graph serves them
                all.
        """
        self._network = network
        self._metrics = metrics
        network.compile(optimizer=optimizer, loss=loss, jit_compile=self.xla)
        network.optimizer.build(network.trainable_variables)
        self._on_replica = self._train_on_replica
        if self.xla:  # a function within the function could not exchange gradients
            self._on_replica = tf.function(self._train_on_replica, jit_compile=True)
        # XLA must know all sizes: it gets a graph for each length that batches are padded to.
        signature = None if self.xla else batch_spec
        self._train = tf.function(self._train_together, input_signature=signature)
        self._predict = tf.function(self._predict_together, input_signature=batch_spec[:1])

    def agree(self, numbers: ArrayLike) -> np.ndarray:
        """Returns the first process's numbers in all processes."""
        return self.total(np.asarray(numbers, "float64") * (self.worker == 0))

    def total(self, numbers: ArrayLike) -> np.ndarray:
        """Returns the sums of numbers over all processes, as a float64 array."""
        numbers = np.asarray(numbers, "float64")
        if self.num_workers == 1:
            return numbers
        first = self.worker * self._local
        values = self.strategy.experimental_distribute_values_from_function(
            # Once for the process, not once for each of its copies.
            lambda context: tf.constant(numbers * (context.replica_id_in_sync_group == first))
        )
        return self._sum(values).numpy()

    def on_first(self, function: Callable[[], object]) -> None:
        """Runs a function in the first process, while the others wait for its end.

        Raises:
            UsageError: in all processes, if it raises a mistake of the user's.
        """
        failure = None
        if self.worker == 0:
            try:
                function()
            except (UsageError, SourceError) as error:
                failure = error
            (failed,) = self.agree([failure is not None])
        else:  # which may take hours, in which TensorFlow does not come back to Python
            with handled([*STOP_SIGNALS, signal.SIGINT], signal.SIG_DFL):
                (failed,) = self.agree([False])
        if failure:
            raise failure
        if failed:
            raise UsageError("stopped with the first process, which says why")

    @contextlib.contextmanager
    def naming_lost_processes(self) -> Iterator[None]:
        """In this context it is a `UsageError` that one of several processes has stopped."""
        try:
            yield
        except tf.errors.OpError as error:
            is_loss = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError))
            if self.num_workers == 1 or not (is_loss or _COLLECTIVE in error.message):
                raise
            raise UsageError(
                "another process has stopped; start all of them again: the same command goes on"
            ) from error

    def train_on_batch(
        self, sequences: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor
    ) -> dict[str, float]:
        """Takes a training step with this process's rows of a batch.

        Returns:
            A dictionary of floats: the metrics of the whole batch, `loss` among them, and its
            number of `examples` and, of these, `labeled` ones.
        """
        values = self._train(sequences, targets, weights)
        return {name: float(value) for name, value in values.items()}

    def predict_on_batch(self, sequences: tf.Tensor) -> np.ndarray:
        """Returns the network's outputs for a batch as an array; each process by itself."""
        rows = sequences.shape[0]
        filled = -(-rows // self._local) * self._local
        sequences = tf.gather(sequences, tf.range(filled) % rows)
        outputs = self.strategy.experimental_local_results(self._predict(sequences))
        return np.concatenate([output.numpy() for output in outputs])[:rows]

    def _run(self, function, columns):
        """Runs a function in every copy, on its share of the rows of this process."""

        def run(*columns):
            if self._local == 1:
                return function(*columns)
            rows = tf.shape(columns[0])[0] // self._local
            copy = tf.distribute.get_replica_context().replica_id_in_sync_group
            first = (copy - self.worker * self._local) * rows
            return function(*(column[first : first + rows] for column in columns))

        return self.strategy.run(run, columns)

    @tf.function
    def _sum(self, values):
        return self.strategy.reduce("SUM", values, axis=None)

    def _predict_together(self, sequences):
        return self._run(lambda x: self._network(x, training=False), (sequences,))

    def _train_together(self, sequences, targets, weights):
        for metric in self._metrics:
            metric.reset_state()
        totals = self._run(self._on_replica, (sequences, targets, weights))
        return {
            **{name: self.strategy.reduce("SUM", x, axis=None) for name, x in totals.items()},
            **{metric.name: metric.result() for metric in self._metrics},
        }

    def _train_on_replica(self, sequences, targets, weights):
        """Returns this copy's share of the loss, and its numbers of examples."""
        network, optimizer = self._network, self._network.optimizer
        with tf.GradientTape() as tape:
            outputs = network(sequences, training=True)
            # Keras has divided it by the number of copies.
            loss = network.compute_loss(sequences, targets, outputs, weights, training=True)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, network.trainable_variables)
        # Of an embedding it has a row for each occurrence of a token, whose sum is to be clipped.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        if self.count > 1:
            # Keras clips each copy's gradient and then adds them up. So that the sum is clipped,
            # every copy hands in an equal share of it, and the limit is shared out too.
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
            gradients = [gradient / self.count for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        is_example = tf.cast(weights > 0, tf.float32)
        for metric in self._metrics:
            metric.update_state(targets, outputs, sample_weight=is_example)
        return {
            "loss": loss,
            "examples": tf.reduce_sum(is_example),
            "labeled": tf.reduce_sum(is_labeled(targets, weights)),
        }

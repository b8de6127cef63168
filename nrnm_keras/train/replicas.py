"""Replicas: data-parallel training on TensorFlow's devices."""

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

# The beginning of error messages of collective operations.
_COLLECTIVE = "Collective ops is aborted"


class Replicas:
    """The copies of a network on the devices of one or several processes.

    Args:
        strategy: a `tf.distribute.Strategy`.
        xla: whether the training step is compiled with XLA.

    Attributes:
        count: number of copies in all processes.
        clipping_shares: number of equal shares that each gradient is split into for the optimizer.
        num_workers, worker: the number of processes, and the index of this one. The chief is 0.
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
        """Returns the context in which the network must be created."""
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
        """Compiles the network to train. Call it within `scope`.

        Args:
            network: a Keras model.
            optimizer: a Keras optimizer.
            loss: a Keras loss.
            metrics: list of Keras metrics.
            batch_spec: the `element_spec` of the training batches; one graph serves all of them.
        """
        self._network = network
        self._metrics = metrics
        network.compile(optimizer=optimizer, loss=loss, jit_compile=self.xla)
        network.optimizer.build(network.trainable_variables)
        self._on_replica = self._train_on_replica
        if self.xla:  # only the part before the all-reduce, which XLA cannot compile
            self._on_replica = tf.function(self._train_on_replica, jit_compile=True)
        # XLA must know all sizes, so each padded length gets its own graph.
        signature = None if self.xla else batch_spec
        self._train = tf.function(self._train_together, input_signature=signature)
        self._predict = tf.function(self._predict_together, input_signature=batch_spec[:1])

    def restart(self) -> None:
        """Prepares the compiled network for another training. The graphs need no change."""

    def broadcast(self, numbers: ArrayLike) -> np.ndarray:
        """Broadcasts the chief's numbers to all processes."""
        return self.all_reduce_sum(np.asarray(numbers, "float64") * (self.worker == 0))

    def all_reduce_sum(self, numbers: ArrayLike) -> np.ndarray:
        """All-reduces numbers: returns their sums over all processes, as a float64 array."""
        numbers = np.asarray(numbers, "float64")
        if self.num_workers == 1:
            return numbers
        first = self.worker * self._local
        values = self.strategy.experimental_distribute_values_from_function(
            # Counts the numbers once for the process, not once for each of its copies.
            lambda context: tf.constant(numbers * (context.replica_id_in_sync_group == first))
        )
        return self._sum(values).numpy()

    def on_chief(self, function: Callable[[], object]) -> None:
        """Runs a function in the chief while the other processes wait for it.

        Raises:
            UsageError: in all processes, if the function raises a user error.
        """
        failure = None
        if self.worker == 0:
            try:
                function()
            except (UsageError, SourceError) as error:
                failure = error
            (failed,) = self.broadcast([failure is not None])
        else:  # this may take hours, during which TensorFlow does not return to Python
            with handled([*STOP_SIGNALS, signal.SIGINT], signal.SIG_DFL):
                (failed,) = self.broadcast([False])
        if failure:
            raise failure
        if failed:
            raise UsageError("stopped because worker 0 stopped; its own message says why")

    @contextlib.contextmanager
    def naming_lost_processes(self) -> Iterator[None]:
        """Within this context, the loss of another process raises a `UsageError`."""
        try:
            yield
        except tf.errors.OpError as error:
            is_loss = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError))
            if self.num_workers == 1 or not (is_loss or _COLLECTIVE in error.message):
                raise
            raise UsageError(
                "another process has stopped; start all processes again, and they will resume"
            ) from error

    def train_on_batch(
        self, sequences: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor
    ) -> dict[str, float]:
        """Runs a training step on this process's rows of a batch.

        Returns:
            A dictionary of floats: the metrics of the whole batch, including `loss`, and the
            numbers of its `examples` and of its `labeled` examples.
        """
        values = self._train(sequences, targets, weights)
        return {name: float(value) for name, value in values.items()}

    def predict_on_batch(self, sequences: tf.Tensor) -> np.ndarray:
        """Returns the network's outputs for this process's batch, as an array."""
        rows = sequences.shape[0]
        filled = -(-rows // self._local) * self._local
        sequences = tf.gather(sequences, tf.range(filled) % rows)
        outputs = self.strategy.experimental_local_results(self._predict(sequences))
        return np.concatenate([output.numpy() for output in outputs])[:rows]

    def _run(self, function, columns):
        """Runs a function in every copy, on its share of this process's rows."""

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
        """Updates this copy; returns its share of the loss and its numbers of examples."""
        network, optimizer = self._network, self._network.optimizer
        with tf.GradientTape() as tape:
            outputs = network(sequences, training=True)
            # Keras divides the loss by the number of copies.
            loss = network.compute_loss(sequences, targets, outputs, weights, training=True)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, network.trainable_variables)
        # An embedding's gradient has a row for each occurrence of a token: clip their sum.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        if self.count > 1:
            # Keras clips each copy's gradient before summing. To clip the sum instead, each copy
            # passes an equal share of the sum, and the limit is divided in the same way.
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

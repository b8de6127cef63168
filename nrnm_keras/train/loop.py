"""The training loop: steps, validation, checkpoints."""

import contextlib
import gc
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from nrnm_keras.commands.stopping import INTERRUPTED, StopRequest
from nrnm_keras.config import TrainConfig
from nrnm_keras.data.batches import TrainingBatches
from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.best_weights import read_best_weights
from nrnm_keras.train.checkpoints import Checkpoints
from nrnm_keras.train.compiled_network import CompiledNetwork
from nrnm_keras.train.evaluation import evaluate
from nrnm_keras.train.history_files import HistoryFiles
from nrnm_keras.train.optimizer import averaged_weights
from nrnm_keras.train.progress import Progress
from pipelines.console import say
from pipelines.numbers import shown_number

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas


def run_training(
    task: OpenTask,
    config: TrainConfig,
    folder: RunFolder,
    replicas: "Replicas | JaxReplicas",
    stop: StopRequest,
    compiled: CompiledNetwork,
    validation: Sequence[dict[str, float]] | None = None,
) -> Progress:
    """Trains a task's network, resuming from the newest checkpoint.

    Args:
        task: an `OpenTask`.
        config: the `TrainConfig`.
        folder: the `RunFolder` for metrics, logs, checkpoints and the best weights so far.
        replicas: the `Replicas` or `JaxReplicas`.
        stop: the `StopRequest`.
        compiled: the `CompiledNetwork`, which other trainings may share.
        validation: the validation metrics of each epoch, from a cross-validation. The training has
            as many epochs. Default: they are those of the validation split.

    Returns:
        The `Progress` at the end.

    Raises:
        Stopped: if the process was asked to stop, after saving a checkpoint.
        UsageError: if the loss or a weight is no longer finite, or the disk is full.
    """
    checkpoints = Checkpoints(
        folder / folder.CHECKPOINTS, check_facts=lambda facts, step: _progress_of(facts, task)
    )
    (step,) = replicas.broadcast([checkpoints.newest() if replicas.worker == 0 else 0])
    if step:
        progress = _progress_of(checkpoints.facts(step), task)
        if _is_over(task, config, progress, validation):
            return progress
    try:
        return _Training(task, config, folder, replicas, stop, compiled, validation).run()
    except KeyboardInterrupt as error:
        newest = checkpoints.newest()
        place = f"resumes after step {newest}" if newest else "starts again"
        raise KeyboardInterrupt(f"the same command {place}") from error


def best_epoch(task: OpenTask, config: TrainConfig, progress: Progress) -> int:
    """Returns the number of the best epoch so far, from 0."""
    if config.best_epoch_by == "loss":
        return progress.best_epoch("loss", "min")
    return progress.best_epoch(task.metric, task.metric_mode)


def _is_over(task, config, progress, validation):
    """Whether all epochs are done, or the last `patience` epochs brought no improvement."""
    if validation is not None:
        return progress.epoch >= len(validation)
    if not progress.history:
        return False
    since_best = progress.epoch - 1 - best_epoch(task, config, progress)
    return progress.epoch >= config.epochs or since_best >= config.patience


def _progress_of(facts, task):
    """Returns the `Progress` of a task's training from the facts of a checkpoint."""
    return Progress.from_facts(facts, ["loss", *(metric.name for metric in task.metrics())])


class _Training:
    """The state of a training: the network, its data and its progress."""

    def __init__(self, task, config, folder, replicas, stop, compiled, validation):
        self._task = task
        self._config = config
        self._folder = folder
        self._replicas = replicas
        self._stop = stop
        self._validation = validation
        self._is_chief = replicas.worker == 0
        num_parts = config.devices.input_shards or replicas.num_workers
        parts = range(replicas.worker, num_parts, replicas.num_workers)
        self._batches = TrainingBatches(
            task,
            config.batch_size,
            config.seed,
            num_parts,
            parts,
            config.passes_per_epoch,
            few_lengths=replicas.xla,
        )
        compiled.prepare(task, config, self._batches)
        self._network, self._variables = compiled.network, compiled.variables
        self._progress = Progress()
        self._checkpoints = Checkpoints(folder / folder.CHECKPOINTS, check_facts=self._check_facts)

    def run(self):
        """Trains to the end, from the newest checkpoint that fits."""
        newest = self._checkpoints.newest(self._variables) if self._is_chief else 0
        (step,) = self._replicas.broadcast([newest])
        if step:
            self._progress = Progress(**self._checkpoints.load(step, self._variables))
            self._replicas.on_chief(self._check_best)
            say(f"resuming after step {step:.0f}")
        elif self._checkpoints.steps():
            say("all checkpoints are damaged; training starts from the beginning")
        self._progress.devices, self._progress.xla = self._replicas.devices(), self._replicas.xla
        if self._is_chief:
            self._write(self._open_files)
        with _little_to_collect(), self._stop.at_interrupts():
            while not _is_over(self._task, self._config, self._progress, self._validation):
                self._train_epoch()
                self._validate()
                gc.collect()
        return self._progress

    @property
    def _steps_taken(self):
        """The number of steps taken in all epochs."""
        return self._progress.steps_taken(self._batches.steps)

    def _train_epoch(self):
        progress, steps = self._progress, self._batches.steps
        epochs = self._config.epochs if self._validation is None else len(self._validation)
        say(f"Epoch {progress.epoch + 1}/{epochs}")
        bar = keras.utils.Progbar(steps, stateful_metrics=self._metric_names())
        batches = iter(self._batches.epoch(progress.epoch, progress.step))
        seconds, waited, examples = progress.seconds, progress.waited, progress.examples
        while progress.step < steps:
            start = time.perf_counter()
            batch = next(batches)
            progress.waited += time.perf_counter() - start
            self._take_step(batch)
            progress.seconds += time.perf_counter() - start
            bar.update(progress.step, list(progress.means().items()))
            self._stop_if_asked()
            if self._steps_taken % self._config.checkpoint_every == 0:
                self._save()
        seconds, waited = progress.seconds - seconds, progress.waited - waited
        if seconds:
            rate = (progress.examples - examples) / seconds
            say(f"{rate:.0f} examples/s; input-bound: {100 * waited / seconds:.0f} %")

    def _take_step(self, batch):
        values = self._replicas.train_on_batch(*batch)
        if not np.isfinite(values["loss"]):
            raise UsageError(self._broken(values["loss"], batch))
        self._progress.add_step(values)

    def _validate(self):
        start = time.perf_counter()
        with averaged_weights(self._network):
            metrics = self._validation_metrics()
            if not np.isfinite(metrics["loss"]):
                raise UsageError(self._broken_validation(metrics["loss"]))
            # Different hardware may give different last digits, and so a different last epoch.
            agreed = self._replicas.broadcast(list(metrics.values()))
            self._progress.end_epoch(dict(zip(metrics, agreed.tolist(), strict=True)))
            is_best = (
                best_epoch(self._task, self._config, self._progress) == self._progress.epoch - 1
            )
            if self._is_chief and is_best:
                self._write(self._save_best)
        self._progress.seconds += time.perf_counter() - start
        row = self._progress.history[-1]
        values = {name: value for name, value in row.items() if "val_" in name}
        say("  ".join(f"{name} {shown_number(value)}" for name, value in values.items()))
        if self._is_chief:
            self._write(lambda: self._files.add_epoch(self._progress.history))
        self._save()
        self._stop_if_asked()

    def _validation_metrics(self):
        if self._validation is not None:
            return self._validation[self._progress.epoch]
        predict, few_lengths = self._replicas.predict_on_batch, self._replicas.xla
        batch_size = self._config.batch_size
        return evaluate(predict, self._task, "validation", batch_size, few_lengths).metrics

    def _check_facts(self, facts, step):
        progress = _progress_of(facts, self._task)
        if (taken := progress.steps_taken(self._batches.steps)) != step:
            raise ValueError(f"they belong to step {taken}")

    def _check_best(self):
        """Checks now, rather than after the training, that the best epoch's weights can be read."""
        if self._progress.history:
            read_best_weights(self._folder, self._network)

    def _save_best(self):
        with self._folder.complete(self._folder.BEST) as path:
            # Not Keras's `save_weights`: HDF5 crashes if the disk is full.
            np.savez(path, *self._network.get_weights())

    def _stop_if_asked(self):
        if self._replicas.all_reduce_sum([self._stop.reason is not None])[0]:
            self._save()
            print(flush=True)  # ends the line of the progress bar
            if self._stop.reason == INTERRUPTED:
                raise KeyboardInterrupt
            reason = self._stop.reason or "another process was asked to"
            raise Stopped(f"stopped after step {self._steps_taken} ({reason})")

    def _save(self):
        if self._is_chief:
            facts = self._progress.facts()
            self._write(lambda: self._checkpoints.save(self._steps_taken, self._variables, facts))

    def _open_files(self):
        self._files = HistoryFiles(self._folder, self._progress.history)

    def _write(self, function):
        """Calls a function that writes to the run folder; turns an OSError into a UsageError."""
        try:
            function()
        except OSError as error:
            raise UsageError(
                f"run_dir={self._folder.path} cannot be written after step {self._steps_taken}: "
                f"{error.strerror or error}; once it can, the same command resumes after step "
                f"{self._checkpoints.newest()}"
            ) from error

    def _broken(self, loss, batch):
        """Saves the batch whose loss is not finite; returns the error message."""
        file = self._folder.BAD_BATCH.format(self._replicas.worker)
        names = ("sequences", "targets", "weights")
        columns = {name: column.numpy() for name, column in zip(names, batch, strict=True)}
        try:
            with self._folder.complete(file) as path:
                np.savez(path, **columns)
            where = f"is in {self._folder / file}"
        except OSError as error:
            where = f"could not be saved in {self._folder / file} ({error.strerror or error})"
        progress = self._progress
        return (
            f"the loss is {loss} at step {self._steps_taken + 1}, batch {progress.step + 1} of "
            f"epoch {progress.epoch + 1}; the batch {where}{_extreme(columns['sequences'])}; "
            f"{self._last_good()}"
        )

    def _broken_validation(self, loss):
        """Returns the error message for a validation loss that is not finite."""
        return (
            f"the loss of the validation split is {loss} after step {self._steps_taken}, epoch "
            f"{self._progress.epoch + 1}; {self._last_good()}"
        )

    def _last_good(self):
        newest = self._checkpoints.newest()
        last = (
            f"the last good checkpoint is that of step {newest}" if newest else "no checkpoint yet"
        )
        rate = self._config.optimizer.learning_rate
        return f"{last}; lower --learning_rate={rate}, or fix the data"

    def _metric_names(self):
        return ["loss", *(metric.name for metric in self._task.metrics())]


@contextlib.contextmanager
def _little_to_collect():
    """Within this context, collecting is fast: it skips objects that existed before.

    The input pipelines of each epoch leave functions behind in reference cycles. Python would
    collect them only after a hundred or more epochs, and memory would grow by a third of a megabyte
    per epoch.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _extreme(sequences):
    """Describes the largest value in a batch of features, or one that is not finite."""
    if sequences.dtype.kind != "f":
        return ""
    steps = sequences.reshape(*sequences.shape[:2], -1)
    # A step that is all NaN is padding.
    sizes = np.where(np.isnan(steps).all(axis=-1, keepdims=True), 0, np.abs(steps))
    sizes = np.where(np.isnan(sizes), np.inf, sizes)
    row, step, feature = np.unravel_index(sizes.argmax(), sizes.shape)
    return f", its largest value {steps[row, step, feature]:g} in row {row}, step {step} (from 0)"

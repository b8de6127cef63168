"""One training: from a task to the best network and what was measured on the way."""

import time
from typing import Any, NamedTuple

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.training.batches import padded_batches
from nrnm_keras.training.optimizer import create_optimizer
from nrnm_keras.training.strategy import create_strategy, jit_compile


class Outcome(NamedTuple):
    """What the best epoch's network made of the test split or, if there is none, of validation."""

    split: str
    targets: np.ndarray
    outputs: np.ndarray
    metrics: dict


class Result(NamedTuple):
    """What a training gave; metrics are dictionaries from name to value, `test` may be None."""

    network: Any
    best_epoch: int
    epochs: int
    seconds_per_epoch: float
    validation: dict
    test: dict | None
    outcome: Outcome
    xla: bool
    replicas: int


def train(task, flags, folder):
    """Trains a task's network and measures the best epoch's on the test split, once.

    Args:
        task: a `Task`.
        flags: the values of the command's flags.
        folder: the `RunFolder`, which gets metrics, logs and the best weights so far.

    Returns:
        A `Result`, its network as it was after the best epoch.

    Raises:
        UsageError: if the loss stops being a number, or there is less than one batch.
    """
    strategy = create_strategy(flags.strategy)
    replicas = strategy.num_replicas_in_sync
    # A ragged batch changes the gradients silently when replicas share it.
    training = _batches(task, "train", flags, shuffle_seed=flags.seed, drop_remainder=replicas > 1)
    steps = int(training.cardinality())
    if not steps:
        raise UsageError(
            f"batch_size={flags.batch_size} is more than the {task.records.sizes['train']} "
            "training examples"
        )
    with strategy.scope():
        network = task.build_network(flags)
        network.compile(
            optimizer=create_optimizer(flags, steps * flags.epochs),
            loss=task.loss(),
            metrics=task.metrics(),
            jit_compile=jit_compile(strategy),
        )
    start = time.perf_counter()
    history = network.fit(
        training,
        validation_data=_batches(task, "validation", flags),
        epochs=flags.epochs,
        shuffle=False,  # the batches come shuffled
        callbacks=_callbacks(task, flags, folder),
    ).history
    seconds = time.perf_counter() - start
    if not np.all(np.isfinite(history["loss"])):
        raise UsageError(
            f"the loss is no longer a number in epoch {len(history['loss'])}; "
            f"try a lower --learning_rate than {flags.learning_rate}"
        )
    best = int(getattr(np, f"arg{task.monitor_mode}")(history[task.monitor]))
    tested = "test" if "test" in task.records.sizes else "validation"
    print(f"{tested.capitalize()}:")
    outcome = _evaluate(network, task, tested, flags)
    return Result(
        network,
        best_epoch=best + 1,
        epochs=len(history["loss"]),
        seconds_per_epoch=seconds / len(history["loss"]),
        validation={
            name.removeprefix("val_"): values[best]
            for name, values in history.items()
            if name.startswith("val_")
        },
        test=outcome.metrics if tested == "test" else None,
        outcome=outcome,
        xla=bool(network.jit_compile),
        replicas=replicas,
    )


def _batches(task, split, flags, **options):
    return padded_batches(
        task.examples(split),
        flags.batch_size,
        sort_by_length=task.sort_by_length,
        padding=task.padding,
        **options,
    )


def _evaluate(network, task, split, flags):
    """Returns the `Outcome` of a split, in the order of its batches."""
    batches = _batches(task, split, flags)
    outputs = network.predict(batches)
    targets = np.concatenate([targets for _, targets in batches.as_numpy_iterator()])
    metrics = {"loss": float(task.loss()(targets, outputs))}
    for metric in task.metrics():
        metrics[metric.name] = float(metric(targets, outputs))
    return Outcome(split, targets, outputs, metrics)


def _callbacks(task, flags, folder):
    best = {"monitor": task.monitor, "mode": task.monitor_mode}
    # First, so that all others see the averaged weights.
    average = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if flags.ema_momentum else []
    return [
        *average,
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(str(folder / folder.METRICS)),
        keras.callbacks.TensorBoard(str(folder / folder.TENSORBOARD), write_graph=False),
        keras.callbacks.ModelCheckpoint(
            str(folder / folder.CHECKPOINT), save_best_only=True, save_weights_only=True, **best
        ),
        keras.callbacks.EarlyStopping(
            patience=flags.patience, restore_best_weights=True, verbose=1, **best
        ),
    ]

"""Evaluation of a network on a split."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.data.batches import evaluation_batches
from nrnm_keras.errors import UsageError
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.typing import ArrayLike


class Evaluation(NamedTuple):
    """A network's outputs for all examples of a split, their targets, and the metrics.

    If there is a target for each step, shorter examples are padded: targets with the task's
    `target_padding`, outputs with zeros.
    """

    split: str
    targets: np.ndarray
    outputs: np.ndarray
    metrics: dict


def compiled(network: keras.Model) -> Callable[[Any], ArrayLike]:
    """Returns a network on TensorFlow as a function of a batch, compiled once for all lengths."""
    inputs = tf.TensorSpec(network.input_shape, network.inputs[0].dtype)
    return tf.function(lambda batch: network(batch, training=False), input_signature=[inputs])


def evaluate(
    predict_on_batch: Callable[[Any], ArrayLike],
    task: OpenTask,
    split: str,
    batch_size: int,
    few_lengths: bool = False,
) -> Evaluation:
    """Evaluates a network on a split. Examples are in the order of the batches.

    Args:
        predict_on_batch: function from a batch of sequences to the network's outputs.
        task: an `OpenTask`.
        split: name of the split.
        batch_size: positive integer.
        few_lengths: as for `TrainingBatches`.
    """
    targets, outputs = [], []
    for sequences, batch_targets in evaluation_batches(task, split, batch_size, few_lengths):
        targets.append(batch_targets.numpy())
        outputs.append(keras.ops.convert_to_numpy(predict_on_batch(sequences)))
    if targets[0].ndim > 1:
        steps = max(batch.shape[1] for batch in targets)
        targets = [_pad_steps(batch, steps, task.target_padding) for batch in targets]
        outputs = [_pad_steps(batch, steps, 0) for batch in outputs]
    return evaluation_of(split, task, np.concatenate(targets), np.concatenate(outputs))


def evaluation_of(
    split: str, task: OpenTask, targets: np.ndarray, outputs: np.ndarray
) -> Evaluation:
    """Returns the `Evaluation` of outputs that were computed before."""
    metrics = {"loss": float(task.loss()(targets, outputs))}
    for metric in task.metrics():
        metrics[metric.name] = float(metric(targets, outputs))
    return Evaluation(split, targets, outputs, metrics)


def join_evaluations(task: OpenTask, parts: Sequence[Evaluation]) -> Evaluation:
    """Returns the `Evaluation` of several parts of a split together."""
    targets = np.concatenate([part.targets for part in parts])
    outputs = np.concatenate([part.outputs for part in parts])
    return evaluation_of(parts[0].split, task, targets, outputs)


def check_finite(evaluation: Evaluation, kept: str) -> None:
    """Raises a `UsageError` if the loss of an `Evaluation` is not finite.

    Args:
        evaluation: the `Evaluation`.
        kept: what is not lost, for the message.
    """
    if not np.isfinite(evaluation.metrics["loss"]):
        split = evaluation.split
        raise UsageError(
            f"the loss of the {split} split is {evaluation.metrics['loss']}, unlike that of the "
            f"validation split; look for extreme values in the {split} data; {kept}"
        )


def _pad_steps(batch, steps, value):
    """Pads a batch to a number of steps."""
    missing = [(0, 0), (0, steps - batch.shape[1]), *([(0, 0)] * (batch.ndim - 2))]
    return np.pad(batch, missing, constant_values=value)

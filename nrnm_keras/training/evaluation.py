"""What a network makes of a split."""

from typing import NamedTuple

import numpy as np

from nrnm_keras.training.batches import evaluation_batches


class Outcome(NamedTuple):
    """A network's outputs for all examples of a split, their targets, and the metrics."""

    split: str
    targets: np.ndarray
    outputs: np.ndarray
    metrics: dict


def evaluate(predict_on_batch, task, split, batch_size):
    """Returns the `Outcome` of a split, in the order of its batches.

    Args:
        predict_on_batch: function from a batch of sequences to an array of outputs.
        task: a `Task`.
        split: name of the split.
        batch_size: positive integer.
    """
    targets, outputs = [], []
    for sequences, batch_targets in evaluation_batches(task, split, batch_size):
        targets.append(batch_targets.numpy())
        outputs.append(predict_on_batch(sequences))
    targets, outputs = np.concatenate(targets), np.concatenate(outputs)
    metrics = {"loss": float(task.loss()(targets, outputs))}
    for metric in task.metrics():
        metrics[metric.name] = float(metric(targets, outputs))
    return Outcome(split, targets, outputs, metrics)

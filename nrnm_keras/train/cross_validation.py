"""Cross-validation: one training for each part of the examples, validated on that part."""

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nrnm_keras.commands.stopping import StopRequest
from nrnm_keras.config import TrainConfig
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.compiled_network import CompiledNetwork
from nrnm_keras.train.loop import run_training
from nrnm_keras.train.progress import Progress
from pipelines.console import say

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas


class Fold(NamedTuple):
    """A finished training of a cross-validation.

    Attributes:
        task: its `OpenTask`, whose validation split is its part of the examples.
        folder: its `RunFolder`, with the weights of its best epoch.
        progress: its `Progress`.
    """

    task: OpenTask
    folder: RunFolder
    progress: Progress


def cross_validate(
    task: OpenTask,
    config: TrainConfig,
    folder: RunFolder,
    replicas: "Replicas | JaxReplicas",
    stop: StopRequest,
    compiled: CompiledNetwork,
) -> list[Fold]:
    """Trains on all parts but one, for each part, resuming where it was stopped.

    Args:
        task: the `OpenTask`, whose `Task` has an `AutomaticConfig`.
        config: the `TrainConfig`.
        folder: the `RunFolder` of the training that follows.
        replicas, stop: those of `run_training`.
        compiled: the shared `CompiledNetwork`.
    """
    folds = []
    for index in range(task.task.folds):
        own = folder.fold(index)
        replicas.on_chief(functools.partial(own.create, config.replace(overwrite=False)))
        say(f"Cross-validation, part {index + 1} of {task.task.folds}")
        part = task.fold(index)
        progress = run_training(part, config, own, replicas, stop, compiled)
        folds.append(Fold(part, own, progress))
    return folds


def mean_metrics(folds: list[Fold]) -> list[dict[str, float]]:
    """Returns the validation metrics of each epoch up to the one with the lowest mean loss.

    They are means over the folds, as far as all of them have trained.
    """
    histories = [fold.progress.history for fold in folds]
    epochs = [
        {
            name.removeprefix("val_"): float(np.mean([row[name] for row in rows]))
            for name in rows[0]
            if name.startswith("val_")
        }
        for rows in zip(*histories, strict=False)
    ]
    best = min(range(len(epochs)), key=lambda epoch: epochs[epoch]["loss"])
    return epochs[: best + 1]

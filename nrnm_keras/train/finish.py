"""The end of a run: tests the best network, exports it and writes the report."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import keras
import tensorflow as tf

from nrnm_keras.config import ComparisonConfig, SettingsConfig, TrainConfig
from nrnm_keras.inference.exporting.graphs import refuse_nan, save_graphs
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.models import ClassProbabilities
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.tasks.settings import Setting
from nrnm_keras.train.averaging import average_with_linear, metrics_of
from nrnm_keras.train.baseline import add_baseline
from nrnm_keras.train.best_weights import read_best_weights
from nrnm_keras.train.cross_validation import Fold
from nrnm_keras.train.evaluation import check_finite, compiled, evaluate, join_evaluations
from nrnm_keras.train.examples_to_try import add_examples
from nrnm_keras.train.history_files import HistoryFiles
from nrnm_keras.train.loop import best_epoch
from nrnm_keras.train.progress import Progress
from nrnm_keras.train.report import create_report, write_report
from pipelines.console import say


class Preliminaries(NamedTuple):
    """What came before the training, on a user's own data.

    Attributes:
        settings: the `Setting`s that were chosen from the data.
        warnings: what is unusual in the data, a list of strings.
        folds: the `Fold`s of a cross-validation.
    """

    settings: Sequence[Setting] = ()
    warnings: Sequence[str] = ()
    folds: Sequence[Fold] = ()


def finish(
    task: OpenTask,
    config: TrainConfig,
    folder: RunFolder,
    progress: Progress,
    command: Sequence[str],
    preliminaries: Preliminaries,
) -> None:
    """Evaluates the best epoch's network once on the test split, exports it and writes the report.

    Args:
        task: the `OpenTask`.
        config: the `TrainConfig`.
        folder: the `RunFolder`, with the weights of the best epoch.
        progress: the `Progress` at the end of the training.
        command: list of words, the command line.
        preliminaries: the `Preliminaries`.

    Raises:
        UsageError: if the loss of the test split is not finite, or the weights are damaged.
    """
    # With the session, Keras forgets the dtype policy: what is tested and exported is float32.
    keras.utils.clear_session()
    # The report plots this history. The file may be out of date if the run was interrupted.
    HistoryFiles(folder, progress.history)
    network = task.build_network(config.network)
    predict = compiled(network)
    validated: Any = _evaluate_folds(preliminaries.folds, network, predict, config.batch_size)
    network.set_weights(read_best_weights(folder, network))
    averaging = None
    if isinstance(config.task, ComparisonConfig) and config.task.linear_classifier:
        if not validated:
            own = evaluate(predict, task, "validation", config.batch_size)
            validated = [(task, own)]
        averaging = average_with_linear(cast(Classification, task), validated, config.batch_size)
    evaluation = _test(task, predict, validated, config.batch_size)
    if averaging:
        evaluations = averaging.evaluate(cast(Classification, task), evaluation, config.batch_size)
        evaluation = evaluations["average"]
    kept = f"{folder.path} keeps the trained weights, and the same command resumes from there"
    check_finite(evaluation, kept)
    options = {"other": averaging.other} if averaging else {}
    exported = task.build_exported(network, **options)
    _export(exported, folder)
    best = best_epoch(task, config, progress)
    report = create_report(
        task, config, progress, best, network.count_params(), evaluation, command
    )
    if preliminaries.settings:
        report["settings"] = [setting._asdict() for setting in preliminaries.settings]
    if isinstance(config.task, SettingsConfig):
        report["warnings"] = list(preliminaries.warnings)
    add_baseline(report, task, config, [fold.task for fold in preliminaries.folds])
    if averaging:
        report["averaging"] = averaging.facts() | {evaluation.split: metrics_of(evaluations)}
        report["metrics"]["validation"] = averaging.evaluations["average"].metrics
    add_examples(report, task, exported, folder)
    write_report(report, folder, task, evaluation)
    folder.remove_state()


def _evaluate_folds(folds, network, predict, batch_size):
    """Returns pairs of a fold's open task and the `Evaluation` of its best epoch."""
    evaluations = []
    for fold in folds:
        network.set_weights(read_best_weights(fold.folder, network))
        evaluations.append((fold.task, evaluate(predict, fold.task, "validation", batch_size)))
    return evaluations


def _test(task, predict, validated, batch_size):
    """Returns the network's `Evaluation` on the test split, or on validation if there is none."""
    tested = "test" if "test" in task.records.sizes else "validation"
    say(f"{tested.capitalize()}:")
    if tested == "validation" and validated:
        return join_evaluations(task, [evaluation for _, evaluation in validated])
    return evaluate(predict, task, tested, batch_size)


def _export(exported, folder):
    """Writes the model from raw input."""
    with folder.complete(folder.MODEL) as path:
        exported.save(path)
    with folder.complete(folder.SAVED_MODEL) as path:
        raw = [tf.TensorSpec(each.shape, each.dtype, each.name) for each in exported.inputs]
        save_graphs(exported, {"serve": tf.function(_serving(exported), raw)}, path)


def _serving(model):
    """Returns a function that takes a model's inputs as separate arguments."""
    is_classifier = isinstance(model.layers[-1], ClassProbabilities)

    def serve(*inputs):
        outputs = model(inputs[0] if len(inputs) == 1 else list(inputs))
        if not is_classifier:
            return outputs
        return refuse_nan(outputs, list(outputs.values()))

    return serve

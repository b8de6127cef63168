"""The test of a finished run that had left out the test split."""

from collections.abc import Sequence
from typing import Any, cast

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.averaging import evaluate_average, metrics_of
from nrnm_keras.train.baseline import add_baseline
from nrnm_keras.train.data_warnings import data_warnings
from nrnm_keras.train.evaluation import check_finite, compiled, evaluate
from nrnm_keras.train.examples_to_try import add_examples
from nrnm_keras.train.report import write_report
from pipelines.console import say
from pipelines.escaping import for_shell


def add_test(
    task: OpenTask, config: TrainConfig, folder: RunFolder, command: Sequence[str]
) -> None:
    """Tests the model of a finished run with `--notest`, and adds the result to its report.

    Args:
        task: the `OpenTask`, with the test split.
        config: the run's `TrainConfig`, with `--test`.
        folder: the `RunFolder`.
        command: list of words, the command line.

    Raises:
        UsageError: if there is no test split, its loss is not finite, or the model is damaged.
    """
    if "test" not in task.records.sizes:
        raise UsageError(f"run_dir={folder.path} holds a finished run, and there is no test split")
    trained, report = TrainedModel.load(folder.path), read_report(folder)
    say("Test:")
    evaluation = evaluate(compiled(trained.network), task, "test", config.batch_size)
    if other := trained.other:
        evaluations = evaluate_average(
            cast(Classification, task), evaluation, other, config.batch_size
        )
        evaluation = evaluations["average"]
        report["averaging"]["test"] = metrics_of(evaluations)
    check_finite(evaluation, f"{folder.path} is as it was")
    report["data"]["examples"] = task.records.sizes
    report["data"]["records"] = str(task.records.path)
    report["metrics"]["test"] = evaluation.metrics
    report["analysis"] = {"split": "test", **task.analyze(evaluation)}
    report["flags"]["test"] = True
    report["command"] = for_shell(command)
    if "warnings" in report:
        report["warnings"] = data_warnings(cast(Any, task))
    add_baseline(report, task, config)
    add_examples(report, task, trained.model, folder)
    write_report(report, folder, task, evaluation)
    folder.write_flags(config)

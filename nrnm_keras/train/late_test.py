"""The test of a finished run that had left out the test split."""

from collections.abc import Sequence
from typing import cast

from nrnm_keras.config import ComparisonConfig, TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.averaging import metrics_of
from nrnm_keras.train.baseline import fit_baseline, is_available
from nrnm_keras.train.evaluation import check_finite, compiled, evaluate
from nrnm_keras.train.examples_to_try import answer_examples, write_examples
from nrnm_keras.train.report import write_report
from pipelines.console import say
from pipelines.escaping import for_shell


def add_test(
    task: OpenTask,
    config: TrainConfig,
    folder: RunFolder,
    command: Sequence[str],
    warnings: Sequence[str],
) -> None:
    """Tests the model of a finished run with `--notest`, and adds the result to its report.

    Args:
        task: the `OpenTask`, with the test split.
        config: the run's `TrainConfig`, with `--test`.
        folder: the `RunFolder`.
        command: list of words, the command line.
        warnings: what is unusual in the data, a list of strings.

    Raises:
        UsageError: if there is no test split, its loss is not finite, or the model is damaged.
    """
    if "test" not in task.records.sizes:
        raise UsageError(f"run_dir={folder.path} holds a finished run, and there is no test split")
    trained, report = TrainedModel.load(folder.path), read_report(folder)
    say("Test:")
    evaluations = {
        name: evaluate(compiled(model), task, "test", config.batch_size)
        for name, model in trained.scores_of_parts().items()
    }
    evaluation = evaluations["average" if trained.is_average else "network"]
    check_finite(evaluation, f"{folder.path} is as it was")
    report["data"]["examples"] = task.records.sizes
    report["data"]["records"] = str(task.records.path)
    report["metrics"]["test"] = evaluation.metrics
    report["analysis"] = {"split": "test", **task.analyze(evaluation)}
    report["flags"]["test"] = True
    report["command"] = for_shell(command)
    if "warnings" in report:
        report["warnings"] = list(warnings)
    if trained.is_average:
        report["averaging"]["test"] = metrics_of(evaluations)
    if isinstance(config.task, ComparisonConfig) and config.task.baseline and is_available():
        report["baseline"] = fit_baseline(cast(Classification, task))._asdict()
    if examples := task.examples_to_try():
        report["examples_to_try"] = answer_examples(trained.model, examples)
        write_examples(report["examples_to_try"], folder)
    write_report(report, folder, task, evaluation)
    folder.write_flags(config)

"""The report of a run: report.json for programs, report.md for people."""

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from typing import Any

from nrnm_keras.commands.option_flags import as_flag
from nrnm_keras.config import TrainConfig
from nrnm_keras.inference.report_file import leaves_out_test
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.plots.canvas import can_draw
from nrnm_keras.plots.learning_curves import draw_learning_curves
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.evaluation import Evaluation
from nrnm_keras.train.progress import Progress
from pipelines.escaping import for_markdown, for_shell, markdown_code
from pipelines.install_hint import install_hint
from pipelines.numbers import shown_number

_LEARNING_CURVES = "learning_curves.png"
# Class names in report.md; report.json has all of them.
_MOST_NAMES = 20
_PACKAGES = ("nrnm-keras", "tensorflow", "keras", "tensorflow-datasets", "numpy")


def create_report(
    task: OpenTask,
    config: TrainConfig,
    progress: Progress,
    best: int,
    parameters: int,
    evaluation: Evaluation,
    command: Sequence[str],
) -> dict[str, Any]:
    """Returns the report as a dictionary that can be written as JSON.

    Args:
        task: the `OpenTask`.
        config: the `TrainConfig`.
        progress: the `Progress` at the end of the training.
        best: number of the best epoch, from 0.
        parameters: number of the network's parameters.
        evaluation: the `Evaluation` of the best epoch's network, on the test split if there is one.
        command: list of words, the command line.
    """
    validation = {
        name.removeprefix("val_"): value
        for name, value in progress.history[best].items()
        if name.startswith("val_")
    }
    return {
        "notice": task.task.notice,
        "task": config.task.name,
        "data": {
            "dataset": task.task.dataset,
            "records": str(task.records.path),
            "examples": task.records.sizes,
            **task.describe(),
        },
        "metric": task.metric,
        "metrics": {
            "validation": validation,
            "test": evaluation.metrics if evaluation.split == "test" else None,
        },
        "analysis": {"split": evaluation.split, **task.analyze(evaluation)},
        "parameters": parameters,
        "training": {
            "best_epoch": best + 1,
            "epochs": progress.epoch,
            "seconds_per_epoch": round(progress.seconds / progress.epoch, 2),
            "input_bound": round(progress.waited / progress.seconds, 3),
            "devices": progress.devices,
            "xla": progress.xla,
            "precision": config.devices.mixed_precision.replace("none", "float32"),
        },
        "command": for_shell(command),
        "flags": {"task": config.task.name, **config.values()},
        "versions": {"python": platform.python_version(), **_versions()},
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def write_report(
    report: dict[str, Any], folder: RunFolder, task: OpenTask, evaluation: Evaluation
) -> None:
    """Writes the plots, report.md and, last, report.json to a `RunFolder`.

    Args:
        report: from `create_report`.
        folder: the `RunFolder`.
        task: the `OpenTask`, which draws its plots.
        evaluation: the `Evaluation` to plot.
    """
    pictures = {}
    if can_draw():
        with folder.complete(folder.PICTURES) as path:
            path.mkdir()
            draw_learning_curves(folder / folder.METRICS, path / _LEARNING_CURVES, _title(report))
            pictures = {_LEARNING_CURVES: "Learning curves", **task.draw(evaluation, path)}
    with folder.complete(folder.REPORT_TEXT) as path:
        path.write_text(_markdown(report, folder, pictures, task), encoding="utf-8")
    with folder.complete(folder.REPORT) as path:
        # A path that is not UTF-8 has characters that must be escaped in JSON.
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8", errors="backslashreplace")


def summary(report: dict[str, Any]) -> str:
    """Returns a summary of a report for the console."""
    training = report["training"]
    lines = [
        f"validation {_metrics(report, 'validation')} (epoch {training['best_epoch']} of "
        f"{training['epochs']})",
        f"test       {_metrics(report, 'test')}",
        *_comparisons(report),
        f"{report['parameters']:,} parameters, {training['seconds_per_epoch']:.1f} s per epoch",
    ]
    return "\n".join([report["notice"], *lines] if report["notice"] else lines)


def _comparisons(report):
    """Returns lines on the linear classifier in the average, and on the baseline beside it."""
    lines = []
    averaging = report.get("averaging", {})
    for split in ("validation", "test"):
        if split in averaging:
            accuracy = {name: each["accuracy"] for name, each in averaging[split].items()}
            lines.append(
                f"average    {split} accuracy {accuracy['average']:.4f}; network alone "
                f"{accuracy['network']:.4f}, linear classifier alone {accuracy['linear']:.4f}"
            )
    if not report["flags"].get("baseline"):
        return lines
    if not (baseline := report.get("baseline")):
        return [
            *lines,
            f"baseline   none: scikit-learn is not installed ({install_hint('baseline')})",
        ]
    lines.append(
        f"baseline   {baseline['split']} accuracy {baseline['accuracy']:.4f}: {baseline['name']}"
    )
    own = report["metrics"][baseline["split"]]["accuracy"]
    if own < baseline["accuracy"]:
        lines.append(f"           the baseline is better; {_advice(report)}")
    return lines


def _advice(report):
    """Returns what would help a model that is worse than its baseline."""
    advice = "more training examples would help"
    if report["task"] != "text":
        return advice
    return f"{advice}, or a language model of more texts (--unlabeled_file) as --init_from"


def _title(report):
    flags = report["flags"]
    layers = "layer" if flags["num_layers"] == 1 else "layers"
    title = (
        f"{report['task']}: {flags['num_layers']} {flags['model']} {layers} of {flags['units']} "
        "units"
    )
    if flags["model"].startswith("nrnm"):
        title += f", memory in {','.join(map(str, flags['nrnm_layers'])) or 'none'}"
    return f"{title} ({report['notice']})" if report["notice"] else title


def _metrics(report, split):
    metrics = report["metrics"][split]
    if metrics is None:
        reason = "left out: --notest" if leaves_out_test(report) else "no test split"
        return f"none ({reason})"
    return ", ".join(f"{name} {shown_number(value)}" for name, value in sorted(metrics.items()))


def _markdown(report, folder, pictures, task):
    data, training = report["data"], report["training"]
    examples = ", ".join(f"{name} {count:,}" for name, count in data["examples"].items())
    lines = [
        f"# {for_markdown(_title(report))}",
        *([f"**{report['notice']}**"] if report["notice"] else []),
        "| split | result |\n| --- | --- |\n"
        f"| validation | {_metrics(report, 'validation')} |\n"
        f"| test | {_metrics(report, 'test')} |",
        f"- Data: {markdown_code(data['records'])}; {examples}{_labeled(data)}{_classes(data)}.\n"
        f"- Network: {report['parameters']:,} parameters.\n"
        f"- Training: best of {training['epochs']} epochs was {training['best_epoch']}; "
        f"{training['seconds_per_epoch']:.1f} s per epoch on {', '.join(training['devices'])} in "
        f"{training['precision']}, {100 * training['input_bound']:.0f} % of it waiting for input.\n"
        f"- Versions: {', '.join(f'{name} {v}' for name, v in report['versions'].items())}.",
        *_own_data_sections(report),
        *task.report_sections(report["analysis"]),
        *_pictures(folder, pictures),
        f"Command (all flags are in `{folder.FLAGS}`):\n\n    {report['command']}",
        f"`{folder.SAVED_MODEL}` needs TensorFlow only.{_usage(task.usage, folder)}",
    ]
    return "\n\n".join(lines) + "\n"


def _own_data_sections(report):
    """Returns the warnings, the comparisons and the chosen settings of a run on a user's data."""
    sections = [
        "\n".join(f"- {' '.join(line.split())}" for line in lines)
        for lines in (
            [f"Warning: {text}." for text in report.get("warnings", [])],
            _comparisons(report),
        )
        if lines
    ]
    if settings := report.get("settings"):
        rows = [
            f"| `{as_flag(each['flag'], each['value'])}` | {each['reason']} |" for each in settings
        ]
        head = "| chosen setting | by |\n| --- | --- |"
        sections.append("\n".join([head, *rows]))
    return sections


def _labeled(data):
    return f"; with a label {data['labeled']:,} of train" if "labeled" in data else ""


def _classes(data):
    if "classes" not in data:
        return ""
    names = data["classes"]
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"; classes {', '.join(map(for_markdown, names[:_MOST_NAMES]))}{more}"


def _usage(usage, folder):
    """Returns a task's description of how to use its model; a `CODE` in it is a command line."""
    return usage.format(run=for_shell([str(folder.path)]).replace("`", "'"))


def _pictures(folder, pictures):
    """Returns links to the plots, or how to get them if there are none."""
    if pictures:
        return [f"![{title}]({folder.PICTURES}/{file})" for file, title in pictures.items()]
    return [
        f"The learning curves are in `{folder.METRICS}`. They are drawn here if matplotlib is "
        f"installed (`{install_hint('plot')}`) when the command runs."
    ]


def _versions():
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout
            versions[package] = "not installed"
    return versions

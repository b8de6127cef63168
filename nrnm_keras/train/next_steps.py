"""What to do with a finished run: its report, and commands to paste."""

import os
import pathlib
from typing import Any

from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import find_tasks
from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask
from pipelines.escaping import for_shell, for_terminal

_PREDICT = ("python", "-m", "nrnm_keras.predict")
_EXPORT = ("python", "-m", "nrnm_keras.export")


def next_steps(folder: str | os.PathLike, report: dict[str, Any]) -> str:
    """Returns where the report of a run is, how to predict and to export, and what to predict.

    Args:
        folder: the run's folder.
        report: its report.
    """
    run = f"--run={folder}"
    folder = pathlib.Path(folder)
    lines = [
        f"report:  {for_terminal(folder / RunFolder.REPORT_TEXT)}",
        f"predict: {for_shell([*_PREDICT, run, _example(report)])}",
        f"export:  {for_shell([*_EXPORT, run, '--format=onnx'])}",
    ]
    if "examples_to_try" in report:
        lines.append(f"to try:  {for_terminal(folder / RunFolder.EXAMPLES)}")
    return "\n".join(lines)


def _example(report):
    """Returns a flag with an input."""
    if issubclass(find_tasks()[report["task"]], (TextClassificationTask, LanguageModelTask)):
        return "--text=any text of yours"
    flags = report["flags"]
    return f"--input={flags.get('test_file') or flags.get('train_file') or 'FILE'}"

"""Trains, tests and exports a model: `python -m nrnm_keras.train --flagfile=configs/imdb.flags`."""

import functools
import sys
from collections.abc import Sequence

from nrnm_keras.commands.command_line import run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import leaves_out_test
from nrnm_keras.inference.run_config import define_flags, help_text, read_config, unused_flags
from nrnm_keras.inference.task_of_file import infer_task
from nrnm_keras.train.run_checks import check_run
from pipelines.console import say

_USAGE = "python -m nrnm_keras.train --task=TASK --run_dir=FOLDER [--flagfile=FILE] [flags]"


def main(arguments: Sequence[str] | None = None, is_trained: bool = False) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: list of words. Default: the process's.
        is_trained: whether the network in the run folder is already trained; see `run_trainings`.
    """
    values = define_flags()
    run = functools.partial(_run, is_trained)
    return run_command(
        run, values, _USAGE, arguments, lambda: help_text(values, ["compare_with_lstm"])
    )


def _run(is_trained, values, arguments):
    infer_task(values)
    config = read_config(values)
    unused = unused_flags(values, config, arguments)
    check_run(config)
    configs = _compared(config) if values.compare_with_lstm else {"": config}
    if unused:
        say(f"not used by --task={config.task.name}: {', '.join(f'--{name}' for name in unused)}")
    command = ["python", "-m", "nrnm_keras.train", *arguments]
    import_keras()
    from nrnm_keras.train.examples_to_try import show_example
    from nrnm_keras.train.next_steps import next_steps
    from nrnm_keras.train.report import summary
    from nrnm_keras.train.training import run_trainings

    runs = run_trainings(configs, command, is_trained)
    if all(run.is_chief for run in runs.values()):
        say(_comparison(runs) if values.compare_with_lstm else summary(runs[""].report))
        for line in show_example({name: run.report for name, run in runs.items()}):
            say(line)
        first = next(iter(runs.values()))
        say(next_steps(first.folder, first.report))


def _compared(config):
    """Returns two configurations, with and without the memory, by name."""
    if not config.network.nrnm_layers:
        raise UsageError("--compare_with_lstm needs at least one layer in --nrnm_layers")
    if config.init_from:
        raise UsageError(
            f"--init_from={config.init_from} has the weights of one network, but "
            "--compare_with_lstm trains two; train the LSTM separately, starting from an LSTM "
            "language model"
        )
    networks = {"nrnm": config.network, "lstm": config.network.replace(nrnm_layers=())}
    return {
        name: config.replace(network=network, run_dir=f"{config.run_dir}/{name}")
        for name, network in networks.items()
    }


def _comparison(runs):
    """Returns a table that compares the reports of the runs."""
    reports = {name: run.report for name, run in runs.items()}
    first = next(iter(reports.values()))
    metric = first["metric"]
    test = f"test {metric.replace('_', ' ')}"
    lines = [
        f"{'':<6}{test:>{len(test) + 2}}{'validation':>12}{'parameters':>13}{'s per epoch':>13}"
    ]
    for name, report in reports.items():
        metrics = report["metrics"]
        value = "left out" if leaves_out_test(report) else "no test"
        if metrics["test"]:
            value = f"{metrics['test'][metric]:.4f}"
        lines.append(
            f"{name:<6}{value:>{len(test) + 2}}{metrics['validation'][metric]:>12.4f}"
            f"{report['parameters']:>13,}{report['training']['seconds_per_epoch']:>13.1f}"
        )
    return "\n".join(["", *([first["notice"]] if first["notice"] else []), *lines])


if __name__ == "__main__":
    sys.exit(main())

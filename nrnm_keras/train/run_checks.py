"""Checks of a training's configuration that need no TensorFlow, before any work is done."""

from collections.abc import Iterable
from typing import Any

from nrnm_keras.commands.command_line import check_output_flag
from nrnm_keras.commands.option_flags import written
from nrnm_keras.config import EmbeddingConfig, NetworkConfig, TextConfig, TrainConfig
from nrnm_keras.config.options import flag_name
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_config import config_lines
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import find_tasks
from pipelines.escaping import quoted

# The options that embeddings and vocabularies depend on.
_OPTIONS = (EmbeddingConfig, TextConfig)


def check_run(config: TrainConfig) -> None:
    """Raises a `UsageError` for a configuration that no training can have."""
    if not config.run_dir:
        raise UsageError("no --run_dir given; expected a folder for the results")
    for name in ("run_dir", "data_dir"):
        check_output_flag(name, getattr(config, name))
    if broken := [line for line in config_lines(config) if len(line.splitlines()) > 1]:
        raise UsageError(f"{quoted(broken[0])} has a line break; a flag file cannot hold it")
    if config.init_from:
        check_start(config)
    elif config.init_layers != "all":
        raise UsageError(f"--init_layers={config.init_layers} needs --init_from")


def check_start(config: TrainConfig) -> tuple[TrainConfig, dict[str, Any]]:
    """Checks that a training can start from the run `config.init_from`.

    Returns:
        The run's `TrainConfig` and its report.

    Raises:
        UsageError: if the task cannot start from a language model, or the run is not finished, is
            not a language model's, or has a different network.
    """
    given = f"--init_from={config.init_from}"
    if not config.task.starts_from_language_model:
        tasks = find_tasks()
        able = ", ".join(sorted(name for name in tasks if tasks[name].starts_from_language_model))
        raise UsageError(f"{given} is for the tasks {able}; --task is {config.task.name}")
    folder = RunFolder(str(config.init_from))
    if not folder.is_finished:
        raise UsageError(f"{given}: expected the folder of a language model's finished run")
    report = read_report(folder)
    if report["metric"] != "perplexity":
        raise UsageError(
            f"{given} is a run of task {report['task']}; expected a language model's run"
        )
    there = folder.config()
    groups = (NetworkConfig, *_OPTIONS) if config.init_layers == "all" else _OPTIONS
    fields = [field for options in groups for field in options.options()]
    names = [flag_name(field) for field in fields if not field.metadata["training_only"]]
    check_equal(given, there, config, names)
    return there, report


def check_equal(given: str, there: TrainConfig, config: TrainConfig, names: Iterable[str]) -> None:
    """Raises a `UsageError` if options of a run have other values than in this training.

    Args:
        given: the flag that names the run, and its value.
        there: the run's `TrainConfig`.
        config: this training's.
        names: names of the options' flags.
    """
    old, new = there.values(), config.values()
    differing = [name for name in names if old[name] != new[name]]
    if differing:
        lines = (", ".join(f"{n}={written(v[n])}" for n in differing) for v in (old, new))
        raise UsageError(
            f"{given} was trained with {next(lines)}; expected the values given here, {next(lines)}"
        )

"""The configuration of a training as flags: on a command line, in flag files, and in a run folder.

The options of all tasks are defined as flags, so that one flag file can serve several tasks. A
`TrainConfig` has the options of its task only.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from absl import flags

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.commands.flag_files import without_flag_files
from nrnm_keras.commands.option_flags import (
    as_flag,
    define_options,
    flag_help,
    option_help,
    read_options,
)
from nrnm_keras.config import DeviceConfig, NetworkConfig, OptimizerConfig, TrainConfig
from nrnm_keras.config.options import Options
from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import find_tasks
from nrnm_keras.tasks.settings import AUTOMATIC, TOGETHER

_PARTS: dict[str, type[Options]] = {
    "network": NetworkConfig,
    "optimizer": OptimizerConfig,
    "devices": DeviceConfig,
}


def define_flags() -> flags.FlagValues:
    """Returns new absl `FlagValues` with the options of all tasks."""
    values, tasks = flags.FlagValues(), find_tasks()
    flags.DEFINE_enum("task", None, sorted(tasks), "what to learn", flag_values=values)
    groups: list[type[Options]] = [TrainConfig, *_PARTS.values(), *tasks.values()]
    for options in groups:
        define_options(values, options)
    # Not an option of a single training, but in flag files of both commands and old `flags.txt`.
    flags.DEFINE_boolean(
        "compare_with_lstm",
        False,
        "train the network and then plain LSTM layers of the same width, in run_dir/nrnm and "
        "run_dir/lstm, and print both results",
        flag_values=values,
    )
    return values


def read_config(values: flags.FlagValues) -> TrainConfig:
    """Returns the `TrainConfig` of parsed flags.

    Raises:
        UsageError: if no task is named, or a value is not allowed.
    """
    tasks = find_tasks()
    if values.task is None:
        raise UsageError(f"no --task given; expected one of {', '.join(sorted(tasks))}")
    try:
        parts: dict[str, Any] = {
            name: read_options(values, options) for name, options in _PARTS.items()
        }
        task = read_options(values, tasks[values.task])
        return read_options(values, TrainConfig, task=task, **parts)
    except ValueError as error:
        raise UsageError(str(error)) from error


def unused_flags(values: flags.FlagValues, config: TrainConfig, words: Sequence[str]) -> list[str]:
    """Returns the names of the flags in flag files that the task does not use.

    Args:
        values: absl `FlagValues`, parsed.
        config: their `TrainConfig`.
        words: list of strings, the command line that they were parsed from.

    Raises:
        UsageError: if the task does not use a flag on the command line itself.
    """
    options = define_flags()
    options.set_gnu_getopt(True)
    options(["", *without_flag_files(words)], known_only=True)
    others = {name for task in find_tasks().values() for name in task.flag_names()}
    unused = sorted(others - set(config.values()))
    for name in unused:
        if options[name].present:
            raise UsageError(_not_used(name, config))
    return [name for name in unused if values[name].present]


def config_lines(config: TrainConfig) -> list[str]:
    """Returns the lines of a flag file with all options of a training that change the result."""
    return _lines(config, config.result_values())


def given_lines(config: TrainConfig) -> list[str]:
    """Returns the lines of a flag file with the options of a training that were given a value."""
    return _lines(config, config.given_values())


def automatic_flags(config: TrainConfig) -> frozenset[str]:
    """Returns the names of the flags whose values the run chooses: by the data, by the machine."""
    names = _chosen_from_data(config)
    return names | {"mixed_precision"} if config.devices.mixed_precision == "auto" else names


def parse_lines(lines: Iterable[str]) -> tuple[TrainConfig, list[str]]:
    """Returns the `TrainConfig` of a flag file's lines, and the lines that are not options.

    Options without a line have their defaults.

    Raises:
        UsageError: if the lines are not a valid configuration.
    """
    values = define_flags()
    try:
        unknown = values(["", *lines], known_only=True)[1:]
    except flags.Error as error:
        raise UsageError(str(error)) from error
    return read_config(values), unknown


def with_values(config: TrainConfig, texts: dict[str, str]) -> TrainConfig:
    """Returns a `TrainConfig` with other values of some options.

    Args:
        config: the `TrainConfig`.
        texts: dictionary from the name of a flag to its value as text.

    Raises:
        UsageError: if the task has no such option, or does not allow the value.
    """
    words = [f"--{name}={text}" for name, text in texts.items()]
    values = parse_flags(define_flags(), [*given_lines(config), *words])
    changed = read_config(values)
    unused_flags(values, changed, words)
    return changed


def help_text(values: flags.FlagValues, own_flags: Iterable[str]) -> str:
    """Returns what `--help` says about a command with the options of a training.

    Args:
        values: absl `FlagValues`, parsed.
        own_flags: names of the flags that the command has besides the options.
    """
    tasks, lines = find_tasks(), flag_help("Command", values, [*own_flags, "verbose"])
    groups: list[type[Options]] = [TrainConfig, *_PARTS.values()]
    for options in groups:
        lines += option_help(options)
    if values.task is not None:
        return "\n".join([*lines, *option_help(tasks[values.task])])
    lines += ["", "Tasks (--help --task=NAME shows the options of a task):"]
    lines += [f"  {name:<24}{str(tasks[name].__doc__).splitlines()[0]}" for name in sorted(tasks)]
    return "\n".join(lines)


def _lines(config, values):
    lines = [as_flag("task", config.task.name), *(as_flag(*item) for item in values.items())]
    return [line for line in lines if line is not None]


def _chosen_from_data(config):
    is_fixed = getattr(config.task, "settings", "fixed") == "fixed"
    # A network that starts from a language model must be like it.
    if is_fixed or config.init_from:
        return frozenset()
    given = config.given_values().keys()
    names = (AUTOMATIC & config.values().keys()) - given
    # What must go together is chosen together.
    for together in TOGETHER:
        if not together.isdisjoint(given):
            names -= together
    return names


def _not_used(name, config):
    """Returns a message that a task does not use a flag, with its users and the nearest flag."""
    tasks = find_tasks()
    users = ", ".join(each for each in sorted(tasks) if name in tasks[each].flag_names())
    (near,) = difflib.get_close_matches(name, config.values(), 1, cutoff=0)
    return (
        f"--{name} is not used by --task={config.task.name}, but by {users}; the nearest flag that "
        f"it uses is --{near}"
    )

"""Settings that a task chooses from its training data."""

import os

from nrnm_keras.commands.option_flags import as_flag
from nrnm_keras.config import TrainConfig
from nrnm_keras.inference.run_config import automatic_flags
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks.settings import Setting
from nrnm_keras.tasks.task import Task
from pipelines.console import say


def choose_settings(
    config: TrainConfig, task: Task, records: str | os.PathLike, folder: RunFolder
) -> tuple[TrainConfig, list[Setting]]:
    """Returns a `TrainConfig` with the values that suit the data, and these `Setting`s.

    Values that were given stand. A run that is resumed keeps the values that it has.

    Args:
        config: the `TrainConfig`.
        task: its task.
        records: folder of the built records.
        folder: the `RunFolder`.
    """
    names = automatic_flags(config)
    if not names:
        return config, []
    settings = [setting for setting in task.choose_settings(records) if setting.flag in names]
    if folder.is_begun and not config.overwrite:
        there = folder.config().values()
        settings = [setting._replace(value=there[setting.flag]) for setting in settings]
    return config.with_values({setting.flag: setting.value for setting in settings}), settings


def print_settings(settings: list[Setting]) -> None:
    """Prints the settings and what they were chosen by."""
    if settings:
        say("settings chosen from the training data (--settings=fixed keeps the defaults):")
    for setting in settings:
        say(f"  {as_flag(setting.flag, setting.value):<33}{setting.reason}")

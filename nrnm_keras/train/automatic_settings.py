"""Settings that a run chooses: by its training data, and the precision by the machine."""

import os
from typing import TYPE_CHECKING

from nrnm_keras.commands.option_flags import as_flag
from nrnm_keras.config import TrainConfig
from nrnm_keras.inference.run_config import automatic_flags
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks.settings import AUTOMATIC, Setting
from nrnm_keras.tasks.task import Task
from nrnm_keras.train.precision import choose_precision
from pipelines.console import say

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas


def choose_settings(
    config: TrainConfig,
    task: Task,
    records: str | os.PathLike,
    folder: RunFolder,
    replicas: "Replicas | JaxReplicas",
) -> tuple[TrainConfig, list[Setting]]:
    """Returns a `TrainConfig` with the values that suit the data, and these `Setting`s.

    Values that were given stand. A run that is resumed keeps the values that it has.

    Args:
        config: the `TrainConfig`.
        task: its task.
        records: folder of the built records.
        folder: the `RunFolder`.
        replicas: the `Replicas`.
    """
    names = automatic_flags(config)
    if not names:
        return config, []
    resumes = folder.is_begun and not config.overwrite
    there = folder.config().values() if resumes else {}
    settings = []
    if names & AUTOMATIC:
        settings = [setting for setting in task.choose_settings(records) if setting.flag in names]
        settings = [each._replace(value=there.get(each.flag, each.value)) for each in settings]
        config = _with_settings(config, settings)
    if "mixed_precision" in names:
        settings.append(choose_precision(config, replicas, there.get("mixed_precision")))
    return _with_settings(config, settings), settings


def _with_settings(config, settings):
    return config.with_values({setting.flag: setting.value for setting in settings})


def print_settings(settings: list[Setting]) -> None:
    """Prints the settings and what they were chosen by."""
    if settings:
        say("chosen settings (a flag that is given stands):")
    for setting in settings:
        say(f"  {as_flag(setting.flag, setting.value):<33}{setting.reason}")

"""Data in memory as files of a run, from which it is resumed like any other."""

import numpy as np

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import find_tasks
from pipelines.console import say
from pipelines.one_hot import classes_of_one_hot, one_hot_line
from pipelines.publishing import make_folder, publish

_FILES = {
    "train_file": "train_data",
    "validation_file": "validation_data",
    "test_file": "test_data",
}


def with_data(
    config: TrainConfig,
    train_data: tuple | None = None,
    validation_data: tuple | None = None,
    test_data: tuple | None = None,
) -> TrainConfig:
    """Returns a `TrainConfig` whose task reads data from the run's folder, written there now.

    Args:
        config: the `TrainConfig`.
        train_data, validation_data, test_data: pairs of examples and labels, or None.

    Raises:
        UsageError: if the task takes no such data, they are not what it takes, or the folder has
            the data of another run.
    """
    given = dict(zip(_FILES, (train_data, validation_data, test_data), strict=True))
    given = {name: data for name, data in given.items() if data is not None}
    if not given:
        return config
    if train_data is None:
        raise UsageError(f"{_FILES[next(iter(given))]} without train_data")
    _check_task(config.task)
    if taken := [name for name in given if getattr(config.task, name)]:
        raise UsageError(f"{taken[0]} and {_FILES[taken[0]]} are both given; expected one of them")
    if not config.run_dir:
        raise UsageError("no run_dir given; expected a folder for the results")
    folder = RunFolder(config.run_dir) / RunFolder.DATA
    suffix = config.task.data_suffix
    paths = {name: folder / f"{name.removesuffix('_file')}{suffix}" for name in given}
    contents = {name: _content(config.task, name, data) for name, data in given.items()}
    try:
        make_folder(folder)
        for name, path in paths.items():
            _write(contents[name], path, config)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    files = {name: str(path) for name, path in paths.items()}
    return config.replace(task=config.task.replace(**files), data_dir=str(folder))


def _check_task(task):
    """Raises a `UsageError` if a task takes no data in memory."""
    if task.data_suffix is None:
        others = (name for name, each in sorted(find_tasks().items()) if each.data_suffix)
        raise UsageError(f"--task={task.name} takes no data in memory; {', '.join(others)} do")


def _content(task, name, data):
    """Returns the content of the file of a pair of examples and labels."""
    examples, labels = _pair(name, data, task.predicts_numbers)
    try:
        return task.data_content(examples, labels)
    except ValueError as error:
        raise UsageError(f"{_FILES[name]}: {error}") from error


def _pair(name, data, is_number):
    try:
        examples, labels = data
        labels = np.asarray(labels)
        counts = len(examples), len(labels)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{_FILES[name]}: expected a pair of examples and labels") from error
    if counts[0] != counts[1]:
        raise UsageError(f"{_FILES[name]}: {counts[0]} examples and {counts[1]} labels")
    if not counts[0]:
        raise UsageError(f"{_FILES[name]}: no examples")
    if is_number:
        return examples, _numbers(name, labels)
    if (classes := classes_of_one_hot(labels)) is not None:
        say(one_hot_line(_FILES[name], labels.shape[1]))
        return examples, classes
    if labels.ndim != 1 or labels.dtype.kind not in "iuSU":
        raise UsageError(
            f"{_FILES[name]}: labels of shape {labels.shape}, type {labels.dtype}; expected one "
            "integer or string for each example"
        )
    return examples, labels


def _numbers(name, labels):
    """Returns targets as an array `(examples,)`."""
    if labels.ndim > 2 or labels.size != len(labels) or labels.dtype.kind not in "iuf":
        raise UsageError(
            f"{_FILES[name]}: targets of shape {labels.shape}, type {labels.dtype}; expected one "
            "number for each example"
        )
    return labels.reshape(-1)


def _write(content, path, config):
    """Writes a file, unless it is there already."""
    if path.exists() and path.read_bytes() == content:
        return
    is_begun = RunFolder(config.run_dir).is_begun
    if path.exists() and is_begun and not config.overwrite:
        raise UsageError(
            f"run_dir={config.run_dir} holds a run on other data; choose another folder, or "
            "overwrite=True"
        )
    with publish(path) as partial:
        partial.write_bytes(content)

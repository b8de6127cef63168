"""Data in memory as files of a run, from which it is resumed like any other."""

import io
import json
import pathlib

import numpy as np

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import SequenceTask, TextTask
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
    suffix, content = _format(config.task)
    if taken := [name for name in given if getattr(config.task, name)]:
        raise UsageError(f"{taken[0]} and {_FILES[taken[0]]} are both given; expected one of them")
    if not config.run_dir:
        raise UsageError("no run_dir given; expected a folder for the results")
    folder = pathlib.Path(config.run_dir).expanduser() / RunFolder.DATA
    paths = {name: folder / f"{name.removesuffix('_file')}{suffix}" for name in given}
    contents = {name: content(_FILES[name], *_pair(name, data)) for name, data in given.items()}
    try:
        make_folder(folder)
        for name, path in paths.items():
            _write(contents[name], path, config)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    files = {name: str(path) for name, path in paths.items()}
    return config.replace(task=config.task.replace(**files), data_dir=str(folder))


def _format(task):
    """Returns the suffix of a task's files, and a function that gives their content."""
    if isinstance(task, TextTask):
        return ".jsonl", _texts
    if isinstance(task, SequenceTask):
        return ".npz", _sequences
    raise UsageError(f"--task={task.name} takes no data in memory; TextTask and SequenceTask do")


def _pair(name, data):
    try:
        examples, labels = data
        labels = np.asarray(labels)
        counts = len(examples), len(labels)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{_FILES[name]}: expected a pair of examples and labels") from error
    if counts[0] != counts[1]:
        raise UsageError(f"{_FILES[name]}: {counts[0]} examples and {counts[1]} labels")
    if labels.ndim != 1 or labels.dtype.kind not in "iuSU":
        raise UsageError(
            f"{_FILES[name]}: labels of shape {labels.shape}, type {labels.dtype}; expected one "
            "integer or string for each example"
        )
    return examples, labels


def _texts(name, texts, labels):
    """Returns lines of JSON."""
    lines = []
    for number, (text, label) in enumerate(zip(texts, labels.tolist(), strict=True)):
        if not isinstance(text, str):
            raise UsageError(f"{name}: text {number} is a {type(text).__name__}; expected a string")
        label = label.decode() if isinstance(label, bytes) else str(label)
        lines.append(json.dumps({"text": text, "label": label}) + "\n")
    return "".join(lines).encode()


def _sequences(name, sequences, labels):
    """Returns an .npz archive: sequences one after the other, and where each begins."""
    try:
        arrays = [_without_padding(np.asarray(each, np.float32)) for each in sequences]
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: sequences are no arrays of numbers ({error})") from error
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) != 1 or any(array.ndim != 2 for array in arrays):
        raise UsageError(f"{name}: expected sequences (timesteps, features), of equal features")
    splits = np.cumsum([0, *map(len, arrays)])
    file = io.BytesIO()
    np.savez(file, values=np.concatenate(arrays), row_splits=splits, y=labels)
    return file.getvalue()


def _without_padding(array):
    """Returns a sequence up to its last step that is not NaN throughout."""
    if array.ndim != 2:
        return array
    steps = np.flatnonzero(~np.isnan(array).all(axis=1))
    return array[: steps[-1] + 1] if steps.size else array


def _write(content, path, config):
    """Writes a file, unless it is there already."""
    if path.exists() and path.read_bytes() == content:
        return
    is_begun = (pathlib.Path(config.run_dir).expanduser() / RunFolder.FLAGS).exists()
    if path.exists() and is_begun and not config.overwrite:
        raise UsageError(
            f"run_dir={config.run_dir} holds a run on other data; choose another folder, or "
            "overwrite=True"
        )
    with publish(path) as partial:
        partial.write_bytes(content)

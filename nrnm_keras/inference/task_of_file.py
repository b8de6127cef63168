"""The task that a training file is for, if no `--task` is given."""

import itertools
import pathlib
import zipfile

import numpy as np
from absl import flags

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import find_tasks
from pipelines.console import say
from pipelines.csv_records import csv_records
from pipelines.errors import SourceError
from pipelines.numbers import parse_float
from pipelines.sequence_files import columns
from pipelines.text_files.columns import TEXT
from pipelines.user_files import read_lines

# The tasks on your own files, by the type of the file.
_TASKS = {
    **dict.fromkeys((".csv", ".tsv"), ("text", "sequence")),
    **dict.fromkeys((".jsonl", ".json"), ("text",)),
    **dict.fromkeys((".txt", ".parquet"), ("sequence",)),
    ".ts": ("sequence",),
    ".npz": ("sequence", "skeleton"),
}
_BY_CONTENT = (".csv", ".tsv", ".ts", ".npz")  # the types that may hold several things
_ROWS = 20  # of a table that are looked at
_NOT_AN_ARRAY = (OSError, ValueError, KeyError, zipfile.BadZipFile, NotImplementedError)


def infer_task(values: flags.FlagValues) -> None:
    """Sets `--task` from `--train_file` if it is not given, and says so.

    Args:
        values: absl `FlagValues`, parsed.

    Raises:
        UsageError: if there is no such file type, or there are several tasks for it.
    """
    if values.task is not None:
        return
    if not values.train_file:
        raise UsageError(f"no --task given; expected one of {', '.join(sorted(find_tasks()))}")
    path = pathlib.Path(values.train_file).expanduser()
    fitting = _TASKS.get(path.suffix.lower(), ())
    reason = "type"
    if path.suffix.lower() in _BY_CONTENT:
        found = _by_content(path, values.label_column)
        fitting, reason = found or fitting, "content" if path.exists() else "type"
    if len(fitting) != 1:
        own = fitting or sorted({task for tasks in _TASKS.values() for task in tasks})
        raise UsageError(
            f"no --task given; expected --task={' or --task='.join(own)} for "
            f"--train_file={values.train_file}"
        )
    values["task"].value = fitting[0]
    say(f"no --task given: --task={values.task}, from the {reason} of {values.train_file}")


def _by_content(path, label_column):
    """Returns a tuple of the task that fits what is in a file; empty if that cannot be seen."""
    if path.suffix.lower() == ".npz":
        return _by_arrays(path)
    if path.suffix.lower() == ".ts":
        return _of_sequences(_has_targets(path))
    try:
        rows = list(itertools.islice(csv_records(path), _ROWS))
    except (SourceError, OSError):  # it is reported when the file is read
        rows = []
    names = (label_column.lower(),) if label_column else columns.LABEL
    if not _has_series(rows, names):
        return ("text",)
    labels = [
        cell
        for row in rows
        for name, cell in zip(row.names, row.values, strict=True)
        if name.lower() in names
    ]
    return _of_sequences(all(map(_is_number, labels)) and not all(map(_is_integer, labels)))


def _of_sequences(has_targets):
    return ("sequence_regression",) if has_targets else ("sequence",)


def _by_arrays(path):
    """Tells sequences `(n, time, features)` from skeletons by the number of dimensions."""
    for name, before in (("x", 2), ("values", 1)):
        shape, _ = _header(path, name)
        if len(shape) == before + 1:
            shape, dtype = _header(path, "y")  # one-hot labels have several columns
            is_single = len(shape) == 1 or shape[1:] == (1,)
            return _of_sequences(is_single and dtype.kind == "f")
        if len(shape) in (before + 2, before + 3) and shape[-1] == 3:
            return ("skeleton",)
    return ()


def _header(path, name):
    """Returns shape and type of an array in an archive; an empty shape and None without it."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            if np.lib.format.read_magic(file) == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                return shape, dtype
    except _NOT_AN_ARRAY:
        pass
    return (), None


def _has_targets(path):
    """Whether the header of a .ts file says that its labels are numbers to be predicted."""
    try:
        for _, line in read_lines(path):
            words = line.lower().split()
            if words[:1] == ["@data"]:
                return False
            if words[:2] == ["@targetlabel", "true"]:
                return True
    except (SourceError, OSError):  # it is reported when the file is read
        pass
    return False


def _has_series(rows, labels):
    """Whether all columns of a table are numbers but those of id, time and label."""
    if not rows:
        return False
    lower = [str(name).strip().lower() for name in rows[0].names]
    others = [
        index
        for index, name in enumerate(lower)
        if name and name not in (*columns.ID, *columns.TIME, *labels)
    ]
    numeric = [index for index in others if all(_is_number(row.values[index]) for row in rows)]
    words = [lower[index] for index in others if index not in numeric]
    has_label = not set(labels).isdisjoint(lower)
    is_label = len(words) == 1 and words[0] not in TEXT and not has_label
    return bool(numeric) and (not words or is_label)


def _is_number(cell):
    try:
        parse_float(cell or "nan")
    except ValueError:
        return not cell.strip()
    return True


def _is_integer(cell):
    return not cell.strip() or parse_float(cell).is_integer()

"""The task that a training file is for, if no `--task` is given."""

import pathlib

from absl import flags

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import find_tasks
from pipelines.console import say

# The tasks on your own files, by the type of the file.
_TASKS = {
    **dict.fromkeys((".csv", ".tsv", ".jsonl", ".json"), ("text",)),
    ".ts": ("sequence",),
    ".npz": ("sequence", "skeleton"),
}


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
    fitting = _TASKS.get(pathlib.PurePath(values.train_file).suffix.lower(), ())
    if len(fitting) != 1:
        own = fitting or sorted({task for tasks in _TASKS.values() for task in tasks})
        raise UsageError(
            f"no --task given; expected --task={' or --task='.join(own)} for "
            f"--train_file={values.train_file}"
        )
    values["task"].value = fitting[0]
    say(f"no --task given: --task={values.task}, from the type of {values.train_file}")

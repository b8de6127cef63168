"""The records of a task. They are built if they are missing."""

import logging
import os

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks.task import Task
from pipelines.errors import SourceError
from pipelines.manifest import check_sizes


def find_records(task: Task, data_dir: str | os.PathLike) -> tuple[Task, str]:
    """Returns a task and the folder of its records, which are built if they are missing.

    If the raw data is not available, this may be the task's substitute (`Task.substitute`).

    Args:
        task: the `Task`.
        data_dir: folder of all records.

    Raises:
        UsageError: if there are neither records nor raw data. The message says what to do.
        SourceError: if the raw data or the records are damaged.
    """
    task, path = _build(task, data_dir)
    check_sizes(path)
    return task, path


def _build(task, data_dir):
    from pipelines.build import build

    try:
        options = {name: value for name, value in task.build_options().items() if value}
        return task, build(task.dataset, data_dir, **options)
    except SourceError as error:
        if task.source_flag is None or task.build_options()["source"]:
            raise
        if not (substitute := task.substitute()):
            raise UsageError(
                f"no {task.dataset} records in data_dir={data_dir}, and {error}; {task.ways_on()}"
            ) from error
        warning = "%s is not available (%s): %s"
        logging.getLogger(__name__).warning(warning, task.dataset, error, substitute.notice)
        return substitute, build(substitute.dataset, data_dir)

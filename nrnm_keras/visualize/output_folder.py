"""The folder that plots are drawn into, which must be new or empty."""

import os
import pathlib

from nrnm_keras.errors import UsageError
from pipelines import locks
from pipelines.publishing import leftovers


def check_output(folder: pathlib.Path) -> None:
    """Raises a `UsageError` if a folder exists and is not empty.

    A folder that another process has locked is checked later, when that process has ended.
    """
    if not (folder / locks.FILE_NAME).exists():
        check_empty(folder)


def is_empty(folder: pathlib.Path) -> bool:
    """Whether a folder has no files but the lock and leftovers of processes that drew into it."""
    passing = {folder / locks.FILE_NAME, *leftovers(folder)}
    return folder.is_dir() and set(folder.iterdir()) <= passing


def check_empty(folder: pathlib.Path) -> None:
    """Raises a `UsageError` if something is at a path but an empty folder."""
    if os.path.lexists(folder) and not is_empty(folder):
        raise UsageError(f"--output={folder} is not an empty folder; choose another")

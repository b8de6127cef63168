"""Publishes files and folders atomically: they get their names when they are complete and on disk.

What is published is first written to a folder with a random name beside its place. Once complete,
it is made durable (`fsync` of every file and folder) and renamed into place, and what it replaces
is removed. A process killed at any moment leaves either the old version or the new one, and a
folder of leftovers, which `remove_leftovers` finds.
"""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from pipelines.paths import StrPath

_MARK = ".incomplete_"
_RANDOM = "?" * 8  # what tempfile.mkdtemp adds
# In the folder of leftovers: the new files, what is needed to undo a swap, and the same after the
# swap is complete.
_FRESH, _UNDO, _DONE = "fresh", "undo", "done"
# In _UNDO: the names that did not exist before, and the files that are replaced.
_ADDED, _REPLACED = "added.json", "replaced"
# Errors of file systems without fsync of folders.
_NO_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}


@contextlib.contextmanager
def publish(path: StrPath) -> Iterator[pathlib.Path]:
    """Publishes the file or folder that the block writes, if the block succeeds.

    Anything that has the name already is replaced: a file atomically, a folder with a moment in
    which neither exists. After an exception, everything is as it was before.

    Args:
        path: the file or folder; the folder that contains it must exist.

    Yields:
        The path to write to, which has the same name.

    Raises:
        OSError: if it cannot be written, for example to a full disk, or the block did not write it.

    Example:

    >>> place = pathlib.Path(tempfile.mkdtemp(), "result.txt")
    >>> with publish(place) as path:
    ...     path.write_text("whole"), place.exists()
    (5, False)
    >>> place.read_text()
    'whole'
    """
    path = pathlib.Path(os.path.abspath(path))
    with _aside(path.parent, _prefix(path.name)) as fresh:
        yield fresh / path.name
        (fresh / path.name).lstat()


@contextlib.contextmanager
def publish_into(folder: StrPath) -> Iterator[pathlib.Path]:
    """Publishes all that the block writes into a folder, if the block succeeds.

    Args:
        folder: the folder, which must exist. Files and folders with the names of new ones are
            replaced; all others stay.

    Yields:
        An empty folder to write to.

    Raises:
        OSError: if it cannot be written.
    """
    with _aside(pathlib.Path(os.path.abspath(folder)), _prefix("")) as fresh:
        yield fresh


def leftovers(folder: StrPath, pattern: str = "") -> list[pathlib.Path]:
    """Returns the folders that hold what was written but not published.

    Args:
        folder: path of a folder, which need not exist.
        pattern: the name under which it was to be published, or a pattern of `fnmatch`; the empty
            string for what `publish_into` was to write.
    """
    return sorted(pathlib.Path(folder).glob(f"{_prefix(pattern)}{_RANDOM}"))


def remove_leftovers(folder: StrPath, pattern: str = "") -> None:
    """Undoes what dead processes began, and removes what they left.

    Call it only from the one process that may write there: work in progress of another looks the
    same. What cannot be removed, such as another user's files, stays.

    Args:
        folder: as in `leftovers`.
        pattern: as in `leftovers`.
    """
    for aside in leftovers(folder, pattern):
        with contextlib.suppress(OSError):
            _clean_up(aside, aside.parent)


def make_folder(path: StrPath) -> None:
    """Creates a folder and its missing parents durably.

    Args:
        path: the folder, which may exist already.

    Raises:
        OSError: if it cannot be created.
    """
    missing = _missing(path)
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


@contextlib.contextmanager
def folder_made(path: StrPath) -> Iterator[None]:
    """Does the same, and removes the created folders that are still empty after the block."""
    missing = _missing(path)
    try:
        make_folder(path)
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()


def sync_tree(path: StrPath) -> None:
    """Makes a folder and all its content durable."""
    for folder, _, files in os.walk(path):
        for file in (pathlib.Path(folder, name) for name in files):
            if file.is_file() and not file.is_symlink():
                sync(file)
        sync(folder)


def sync(path: StrPath) -> None:
    """Makes a file durable, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _missing(path):
    """Returns the folder and its parents that do not exist, the innermost first."""
    path = pathlib.Path(os.path.abspath(path))
    return [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]


def _prefix(name):
    return f".{name}{_MARK}" if name else _MARK


@contextlib.contextmanager
def _aside(folder, prefix):
    # A folder, not a file: files created in it get the user's usual permissions.
    aside = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        (aside / _FRESH).mkdir()
        yield aside / _FRESH
        _swap_in(aside, folder)
    finally:
        _clean_up(aside, folder)


def _swap_in(aside, folder):
    """Gives the fresh files and folders their names."""
    fresh, replaced = aside / _FRESH, aside / _UNDO / _REPLACED
    names = sorted(os.listdir(fresh))
    replaced.mkdir(parents=True)
    added = [name for name in names if not os.path.lexists(folder / name)]
    (aside / _UNDO / _ADDED).write_text(json.dumps(added))
    sync_tree(aside)
    for name in names:
        there = folder / name
        # Renaming can replace only a file, and only by a file.
        if any(path.is_dir() and not path.is_symlink() for path in (there, fresh / name)):
            with contextlib.suppress(FileNotFoundError):
                os.rename(there, replaced / name)
        os.replace(fresh / name, there)
    sync(folder)
    os.rename(aside / _UNDO, aside / _DONE)
    sync(aside)


def _clean_up(aside, folder):
    """Undoes an incomplete swap, in steps that can be repeated, and removes what is left."""
    fresh, undo = aside / _FRESH, aside / _UNDO
    for name in _read_names(undo / _ADDED):
        if os.path.lexists(folder / name) and not os.path.lexists(fresh / name):
            os.rename(folder / name, fresh / name)
    for old in (undo / _REPLACED).glob("*"):
        if not os.path.lexists(folder / old.name):
            os.rename(old, folder / old.name)
    shutil.rmtree(aside, ignore_errors=True)


def _read_names(path):
    """Returns the names in a file; none if it is missing or incomplete: nothing was done then."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return []

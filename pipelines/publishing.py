"""Publishing: files and folders get their names when they are whole and on the disk.

What is published is written aside, in a folder of a random name beside its place. When it is whole
it is made durable (`fsync` of every file and folder), swapped in by renaming, and what it replaces
is removed. A process that is killed at any moment leaves either the old or the new, and a folder of
leftovers, which `remove_leftovers` finds.
"""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import tempfile

_MARK = ".incomplete_"
_RANDOM = "?" * 8  # what tempfile.mkdtemp adds
# In the folder of leftovers: what is new, what is needed to undo a swap, and the same once the swap
# is through.
_FRESH, _UNDO, _DONE = "fresh", "undo", "done"
# In _UNDO: the names that were not there before, and what was there and is replaced.
_ADDED, _REPLACED = "added.json", "replaced"
# What file systems say that have no fsync of folders.
_NO_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}


@contextlib.contextmanager
def publish(path):
    """Gives a path to write a file or a folder to, which gets its name when the block ends well.

    Whatever has the name already is replaced: a file at once, a folder after a moment without
    either. After an exception everything is as it was.

    Args:
        path: of the file or folder; the folder that it is in must be there.

    Yields:
        A `pathlib.Path` whose name is the same.

    Raises:
        OSError: if it cannot be written, the disk is full for one, or was not written in the block.

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
def publish_into(folder):
    """Gives an empty folder to write to, whose content goes to a folder when the block ends well.

    Args:
        folder: path of the folder, which must be there. What has the name of something new is
            replaced, the rest stays.

    Yields:
        A `pathlib.Path`.

    Raises:
        OSError: if it cannot be written.
    """
    with _aside(pathlib.Path(os.path.abspath(folder)), _prefix("")) as fresh:
        yield fresh


def leftovers(folder, pattern=""):
    """Returns the folders in which `publish` has written something that has not got its name yet.

    Args:
        folder: path of a folder, which need not be there.
        pattern: the name that it was to get, or a pattern as `fnmatch` knows them; of what
            `publish_into` was to write, the empty string.
    """
    return sorted(pathlib.Path(folder).glob(f"{_prefix(pattern)}{_RANDOM}"))


def remove_leftovers(folder, pattern=""):
    """Undoes what processes have begun that are dead, and removes what they left.

    To be called by the only process that may write there: another one's work looks the same. What
    cannot be removed, another user's for one, stays.

    Args:
        folder: as in `leftovers`.
        pattern: as in `leftovers`.
    """
    for aside in leftovers(folder, pattern):
        with contextlib.suppress(OSError):
            _clean_up(aside, aside.parent)


def make_folder(path):
    """Makes a folder and those above it, and makes them durable.

    Args:
        path: of the folder, which may be there.

    Raises:
        OSError: if it cannot be made.
    """
    missing = _missing(path)
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


@contextlib.contextmanager
def folder_made(path):
    """The same as a context, at whose end those folders are gone again that are still empty."""
    missing = _missing(path)
    try:
        make_folder(path)
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()


def sync_tree(path):
    """Makes a folder and all that is in it durable."""
    for folder, _, files in os.walk(path):
        for file in (pathlib.Path(folder, name) for name in files):
            if file.is_file() and not file.is_symlink():
                sync(file)
        sync(folder)


def sync(path):
    """Makes a file durable, or which names there are in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _missing(path):
    """Returns those of a folder and the folders above it that are not there, the lowest first."""
    path = pathlib.Path(os.path.abspath(path))
    return [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]


def _prefix(name):
    return f".{name}{_MARK}" if name else _MARK


@contextlib.contextmanager
def _aside(folder, prefix):
    # A folder, not a file: what is in it has the permissions that the user's files have.
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
        # Renaming replaces nothing but a file, and that by a file.
        if any(path.is_dir() and not path.is_symlink() for path in (there, fresh / name)):
            with contextlib.suppress(FileNotFoundError):
                os.rename(there, replaced / name)
        os.replace(fresh / name, there)
    sync(folder)
    os.rename(aside / _UNDO, aside / _DONE)
    sync(aside)


def _clean_up(aside, folder):
    """Removes what is left; undoes a swap that is not through, in steps that may be repeated."""
    fresh, undo = aside / _FRESH, aside / _UNDO
    for name in _read_names(undo / _ADDED):
        if os.path.lexists(folder / name) and not os.path.lexists(fresh / name):
            os.rename(folder / name, fresh / name)
    for old in (undo / _REPLACED).glob("*"):
        if not os.path.lexists(folder / old.name):
            os.rename(old, folder / old.name)
    shutil.rmtree(aside, ignore_errors=True)


def _read_names(path):
    """Returns the names in a file; none if it is not there, or not whole: nothing was done then."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return []

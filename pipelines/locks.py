"""Locks that let only one process at a time write to a place.

The locks are the operating system's (`flock`), which frees a lock when its process ends, however it
ends. The lock's file names the holder; the existence of the file means nothing.
"""

import contextlib
import datetime
import errno
import fcntl
import glob
import hashlib
import json
import os
import pathlib
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pipelines.console import say, say_error
from pipelines.paths import StrPath
from pipelines.publishing import remove_leftovers

FILE_NAME = ".lock"
_MOST_READ = 4096  # bytes
_MOST_TRIES = 1000  # a try fails if another process removes the file in the meantime
# Errors of file systems without locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL}


class Holder(NamedTuple):
    """The process that holds a lock.

    Attributes:
        host, process, since: the machine, the process id, and the time when it took the lock; empty
            if the file does not contain them, which is so just before the process writes them.
        task: a hash that identifies what it does.
    """

    host: str = ""
    process: int = 0
    since: str = ""
    task: str = ""

    def __str__(self) -> str:
        if not self.process:
            return "another process"
        return f"process {self.process} on {self.host} since {self.since}"


class Lock(NamedTuple):
    """A lock that this process holds.

    Attributes:
        descriptor: the lock's file descriptor, for child processes that hold it, too; None if the
            file system has no locks.
        repeats: whether this process waited for another one with the same task.
    """

    descriptor: int | None
    repeats: bool


@contextlib.contextmanager
def locked(
    path: StrPath, on_held: Callable[[Holder], object], task: Sequence[str] = ()
) -> Iterator[Lock]:
    """Holds a lock while the block runs.

    On a file system without locks, it prints a warning and runs the block anyway.

    Args:
        path: the lock's file; its folder must exist.
        on_held: called with the `Holder` if another process holds the lock. If it returns, this
            process waits for the lock; it refuses to wait by raising an exception.
        task: words that identify what this process does.

    Yields:
        The `Lock`.

    Raises:
        OSError: if the file cannot be written.

    Example:

    >>> import tempfile
    >>> place = pathlib.Path(tempfile.mkdtemp(), FILE_NAME)
    >>> def refuse(holder):
    ...     raise ValueError("held by me" if holder.process == os.getpid() else "held")
    >>> with locked(place, refuse), locked(place, refuse):
    ...     pass
    Traceback (most recent call last):
    ValueError: held by me
    """
    digest = hashlib.sha256(repr(list(task)).encode("utf-8", "replace")).hexdigest()
    try:
        descriptor, waited_for = _acquire(path, on_held)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        descriptor = None
        say_error(
            f"{path}: this file system has no locks ({error.strerror}); make sure that no other "
            "command writes there",
            kind="warning",
        )
    if descriptor is None:
        yield Lock(None, repeats=False)
        return
    try:
        _write(descriptor, digest)
        yield Lock(descriptor, repeats=waited_for is not None and waited_for.task == digest)
    finally:
        if _is_at(descriptor, path):
            os.unlink(path)
        os.close(descriptor)


@contextlib.contextmanager
def claimed(path: StrPath, task: Sequence[str] = ()) -> Iterator[Lock]:
    """Waits until no other process writes to a place, and removes leftovers of dead processes.

    Args:
        path: the file or folder to be published; the folder that contains it must exist.
        task: as in `locked`.

    Yields:
        The `Lock`, whose file lies beside the place.

    Raises:
        OSError: if the lock's file cannot be written.
    """
    path = pathlib.Path(os.path.abspath(path))
    with locked(path.with_name(f".{path.name}{FILE_NAME}"), waiting(path), task) as lock:
        if lock.descriptor is not None:
            remove_leftovers(path.parent, glob.escape(path.name))
        yield lock


@contextlib.contextmanager
def claimed_folder(folder: StrPath, task: Sequence[str] = ()) -> Iterator[Lock]:
    """Does the same for a folder that is published into; the lock's file lies in the folder."""
    folder = pathlib.Path(folder)
    with locked(folder / FILE_NAME, waiting(folder), task) as lock:
        if lock.descriptor is not None:
            remove_leftovers(folder)
        yield lock


def waiting(path: StrPath) -> Callable[[Holder], None]:
    """Returns a function of a `Holder` that prints which process this one waits for."""

    def tell(holder):
        say(f"waiting for {holder}, which writes to {path}", file=sys.stderr)

    return tell


def _acquire(path, on_held):
    """Returns a file descriptor with the lock on it, and the `Holder` that was waited for."""
    waited_for = None
    for _ in range(_MOST_TRIES):
        # Never follows a link, which another user may have put there.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited_for is None:
                    waited_for = _read(descriptor)
                    on_held(waited_for)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # If its holder removed the file, no other process will find this lock.
            if _is_at(descriptor, path):
                stack.pop_all()
                return descriptor, waited_for
    # On this file system, files have no lasting identity.
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def _is_at(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _write(descriptor, task):
    since = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    holder = Holder(socket.gethostname(), os.getpid(), since, task)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _read(descriptor):
    """Returns the `Holder` that a lock's file names."""
    try:
        holder = Holder(*json.loads(os.pread(descriptor, _MOST_READ, 0)))
    except (ValueError, TypeError, RecursionError):
        return Holder()
    is_whole = all(isinstance(v, type(d)) for v, d in zip(holder, Holder(), strict=True))
    return holder if is_whole and str(holder).isprintable() else Holder()

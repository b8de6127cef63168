"""Locks: one process at a time writes to a place.

A lock is the operating system's (`flock`): it is free when the process that held it is dead,
however it died. The file that it is on says who holds it; that the file is there says nothing.
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
from typing import NamedTuple

from pipelines.console import say, say_error
from pipelines.publishing import remove_leftovers

FILE_NAME = ".lock"
_MOST_READ = 4096  # bytes
_MOST_TRIES = 1000  # each is in vain that finds the file removed by another process meanwhile
# What file systems say that have no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL}


class Holder(NamedTuple):
    """The process that holds a lock.

    Attributes:
        host, process, since: where it runs, its number there, and since when it holds the lock;
            empty if the file does not say so, which a process may just be about to write.
        task: stands for what it does.
    """

    host: str = ""
    process: int = 0
    since: str = ""
    task: str = ""

    def __str__(self):
        if not self.process:
            return "another process"
        return f"process {self.process} on {self.host} since {self.since}"


class Lock(NamedTuple):
    """A lock that this process holds.

    Attributes:
        descriptor: the file descriptor that it is on, for processes that are to hold it too; None
            where the file system has no locks.
        repeats: whether this process had to wait for another one with the same task.
    """

    descriptor: int | None
    repeats: bool


@contextlib.contextmanager
def locked(path, on_held, task=()):
    """Holds a lock while the block runs.

    Where the file system has no locks, it says so on standard error and goes on.

    Args:
        path: of the lock's file; the folder that it is in must be there.
        on_held: function of the `Holder`, called if another process holds the lock. It refuses by
            raising an exception; when it returns, this process waits.
        task: list of words that stand for what this process does.

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
            f"{path}: this file system has no locks ({error.strerror}); see to it that no other "
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
def claimed(path, task=()):
    """Waits until no other process writes to a place, and removes what dead ones left beside it.

    Args:
        path: of the file or folder that is to be published; the folder that it is in must be there.
        task: as in `locked`.

    Yields:
        The `Lock`, which is on a file beside the place.

    Raises:
        OSError: if that cannot be written.
    """
    path = pathlib.Path(os.path.abspath(path))
    with locked(path.with_name(f".{path.name}{FILE_NAME}"), waiting(path), task) as lock:
        if lock.descriptor is not None:
            remove_leftovers(path.parent, glob.escape(path.name))
        yield lock


@contextlib.contextmanager
def claimed_folder(folder, task=()):
    """The same for a folder that is to be published into; the lock's file is in it."""
    folder = pathlib.Path(folder)
    with locked(folder / FILE_NAME, waiting(folder), task) as lock:
        if lock.descriptor is not None:
            remove_leftovers(folder)
        yield lock


def waiting(path):
    """Returns a function of a `Holder` that says on standard error who is waited for."""

    def tell(holder):
        say(f"waiting for {holder}, which writes to {path}", file=sys.stderr)

    return tell


def _acquire(path, on_held):
    """Returns a file descriptor with the lock on it, and the `Holder` that was waited for."""
    waited_for = None
    for _ in range(_MOST_TRIES):
        # Where others may write, the name may be a link to what is not theirs: not followed.
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
            # Who held it removed the file: then nobody else comes across this lock.
            if _is_at(descriptor, path):
                stack.pop_all()
                return descriptor, waited_for
    # Files have no lasting identity there.
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

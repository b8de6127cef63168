"""Errors of the operating system in words: which file failed, and was it read or written."""

import contextlib
import os
import pathlib

from pipelines.errors import SourceError


@contextlib.contextmanager
def reading(path):
    """In this context an `OSError` becomes a `SourceError`: the path cannot be read, and why.

    What is read while something else is written stands in such a context: otherwise the error would
    be told of what is written.

    Args:
        path: the file or folder that is read.
    """
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path}: {reason(error)}; it cannot be read") from error


def write_error(error, folder):
    """Returns in words what failed while a folder was written; None if no file did.

    Args:
        error: any exception; the operating system's may be wrapped in one of TFDS.
        folder: path of what was being written. A file elsewhere is one that was read.
    """
    error = next((each for each in (error, error.__cause__) if _is_file_error(each)), None)
    if error is None:
        return None
    file = getattr(error, "filename", None)
    if file is None:
        return f"{folder} cannot be written: {reason(error)}"
    written = pathlib.Path(folder).absolute().parent
    if pathlib.Path(os.fsdecode(file)).absolute().is_relative_to(written):
        return f"{os.fsdecode(file)} cannot be written: {reason(error)}"
    return f"{os.fsdecode(file)}: {reason(error)}; it cannot be read"


def reason(error):
    """Returns what the operating system says, in one line."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split())


def _is_file_error(error):
    import tensorflow as tf

    return isinstance(error, OSError | tf.errors.OpError)

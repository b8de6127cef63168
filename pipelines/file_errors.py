"""Describes file errors of the operating system: which file failed, while reading or writing."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from pipelines.errors import SourceError
from pipelines.escaping import one_line
from pipelines.paths import StrPath


@contextlib.contextmanager
def reading(path: StrPath) -> Iterator[None]:
    """Turns an `OSError` into a `SourceError` that says that the path cannot be read, and why.

    Wrap in it whatever is read while something else is written. Without it, the error would be
    blamed on the file being written.

    Args:
        path: the file or folder that is read.
    """
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path}: {reason(error)}; it cannot be read") from error


def write_error(error: BaseException, folder: StrPath) -> str | None:
    """Describes what failed while a folder was written.

    Args:
        error: any exception; an error of the operating system may be wrapped in one of TFDS.
        folder: path of what was being written. A file elsewhere was being read.

    Returns:
        The message, or None if the error is not about a file.
    """
    causes = (error, error.__cause__)
    file_error = next((each for each in causes if each and _is_file_error(each)), None)
    if file_error is None:
        return None
    file = getattr(file_error, "filename", None)
    if file is None:
        return f"{folder} cannot be written: {reason(file_error)}"
    written = pathlib.Path(folder).absolute().parent
    if pathlib.Path(os.fsdecode(file)).absolute().is_relative_to(written):
        return f"{os.fsdecode(file)} cannot be written: {reason(file_error)}"
    return f"{os.fsdecode(file)}: {reason(file_error)}; it cannot be read"


def reason(error: BaseException) -> str:
    """Returns the operating system's description of an error in one line."""
    return one_line(getattr(error, "strerror", None) or error)


def _is_file_error(error):
    import tensorflow as tf

    return isinstance(error, OSError | tf.errors.OpError)

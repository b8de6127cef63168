"""Bounds on how much is read at once.

A few compressed megabytes can expand to more than memory holds. Every reader therefore has a bound
in bytes that suits what it reads, and refuses anything larger before reading it.
"""

import os

from pipelines.errors import SourceError
from pipelines.file_errors import reading
from pipelines.paths import StrPath

MB = 2**20
REVIEW = 1 * MB
LINE = 16 * MB  # the longest known line of the UEA archive, in DuckDuckGeese, has 4 MB
TABLE = 16 * MB  # files kept in memory as Python objects: FLIP's have 3 MB, SICK's 0.6
NW_UCLA_FILE = 16 * MB  # the largest has 0.13 MB
SKELETON_FILE = 256 * MB
ARRAYS = 1024 * MB
OPTION = "source_limit_mb"  # of every build that reads files
ADVICE = f"--{OPTION}=N allows N MB (of 2**20 bytes)"


def option_help(what: str, *defaults: int) -> str:
    """Returns the help of `OPTION`: what it bounds, and the bounds that 0 stands for."""
    return f"largest {what} in MB; 0: {' and '.join(f'{each // MB:,}' for each in defaults)}"


def in_bytes(source_limit_mb: int, default: int | None) -> int | None:
    """Returns the bound in bytes for a value of `OPTION`; the default for 0.

    Raises:
        SourceError: if the value is negative.
    """
    if source_limit_mb < 0:
        raise SourceError(f"{OPTION}={source_limit_mb}; expected at least 0")
    return source_limit_mb * MB or default


def check_size(place: StrPath, size: int, limit: int) -> None:
    """Raises a `SourceError` if something is larger than its bound.

    Args:
        place: what it is, for the message.
        size: its size in bytes.
        limit: the bound in bytes.
    """
    if size > limit:
        raise SourceError(f"{place}: {size:,} bytes; expected at most {limit:,}; {ADVICE}")


def check_file_size(path: StrPath, limit: int) -> None:
    """Raises a `SourceError` if a file exceeds its bound, or its size cannot be read."""
    with reading(path):
        size = os.stat(path).st_size
    check_size(path, size, limit)


def read_file(path: StrPath, limit: int) -> bytes:
    """Returns the content of a file.

    Args:
        path: the file.
        limit: the bound in bytes.

    Raises:
        SourceError: if the file cannot be read or is larger.
    """
    with reading(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        check_size(path, size, limit)
        content = file.read(size + 1)
    if len(content) > size:
        raise SourceError(f"{path}: longer than its size of {size:,} bytes; is it being written?")
    return content

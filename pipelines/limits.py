"""How much is read at once.

A few megabytes, when packed, can stand for more than the memory holds. So every reader has a bound
that fits what it reads, in bytes; what is larger is refused before it is read.
"""

import os

from pipelines.errors import SourceError
from pipelines.file_errors import reading

MB = 2**20
REVIEW = 1 * MB
LINE = 16 * MB  # the longest known of the UEA archive, of DuckDuckGeese, has 4 MB
TABLE = 16 * MB  # files kept in memory as Python's objects: FLIP's have 3 MB, SICK's 0.6
NW_UCLA_FILE = 16 * MB  # the largest has 0.13 MB
SKELETON_FILE = 256 * MB
ARRAYS = 1024 * MB
OPTION = "source_limit_mb"  # of every build that reads files
ADVICE = f"--{OPTION}=N allows N MB (of 2**20 bytes)"


def option_help(what, *defaults):
    """Returns the help of `OPTION`: what it is the largest size of, and what 0 stands for."""
    return f"largest {what} in MB; 0: {' and '.join(f'{each // MB:,}' for each in defaults)}"


def in_bytes(source_limit_mb, default):
    """Returns the bound that a value of `OPTION` stands for; 0 is the default.

    Raises:
        SourceError: if the value is negative.
    """
    if source_limit_mb < 0:
        raise SourceError(f"{OPTION}={source_limit_mb}; expected at least 0")
    return source_limit_mb * MB or default


def check_size(place, size, limit):
    """Raises a `SourceError` if something is larger than its bound.

    Args:
        place: what it is, for the message.
        size: integer, its size in bytes.
        limit: integer, the bound in bytes.
    """
    if size > limit:
        raise SourceError(f"{place}: {size:,} bytes; expected at most {limit:,}; {ADVICE}")


def check_file_size(path, limit):
    """Raises a `SourceError` if a file is larger than its bound, or its size cannot be read."""
    with reading(path):
        size = os.stat(path).st_size
    check_size(path, size, limit)


def read_file(path, limit):
    """Returns the content of a file.

    Args:
        path: the file.
        limit: integer, the bound in bytes.

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

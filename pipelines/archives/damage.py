"""Turns the errors of damaged archives into one line each."""

import contextlib
import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from pipelines.errors import SourceError
from pipelines.escaping import one_line, quoted
from pipelines.file_errors import reason
from pipelines.paths import StrPath

# Python's readers of archives raise more than their own errors: for names that are not UTF-8
# (UnicodeDecodeError), unknown compressions (NotImplementedError), numbers out of range.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(ValueError, KeyError, IndexError, OverflowError, RuntimeError, OSError),
)
# Offsets in a damaged archive may be negative (EINVAL). Wrong gzip and bzip2 data raise OSErrors
# without a number.
_DAMAGE_NUMBERS = (None, errno.EINVAL)


@contextlib.contextmanager
def damage_named(place: StrPath, what: str) -> Iterator[None]:
    """Turns what reading an archive raises into a `SourceError` of one line.

    Args:
        place: the archive, or the member in it, for the message.
        what: the message for a damaged one, such as "damaged archive".
    """
    try:
        yield
    except SourceError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in _DAMAGE_NUMBERS:
            raise SourceError(f"{place}: {reason(error)}; it cannot be read") from error
        raise SourceError(f"{place}: {what} ({describe(error)})") from error


def describe(error: Exception) -> str:
    """Returns the error of an archive's reader in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"the name {quoted(error.object)} is marked as UTF-8 but is not"
    return one_line(error) or type(error).__name__

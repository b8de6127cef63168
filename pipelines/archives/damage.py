"""What a damaged or oddly named archive can raise, told in one line."""

import contextlib
import errno
import lzma
import struct
import tarfile
import zipfile
import zlib

from pipelines.errors import SourceError
from pipelines.file_errors import reason

# What Python's readers of archives raise besides errors of their own: for names that are not UTF-8
# (UnicodeDecodeError), methods they do not know (NotImplementedError), numbers out of range.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(ValueError, KeyError, IndexError, OverflowError, RuntimeError, OSError),
)
# Places that a damaged archive names may lie before its beginning. Wrong gzip and bzip2 data are
# OSErrors without a number.
_DAMAGE_NUMBERS = (None, errno.EINVAL)


@contextlib.contextmanager
def damage_named(place, what):
    """In this context, what reading an archive raises becomes a `SourceError` of one line.

    Args:
        place: the archive, or the member in it, for the message.
        what: what is said of a damaged one, such as "damaged archive".
    """
    try:
        yield
    except SourceError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in _DAMAGE_NUMBERS:
            raise SourceError(f"{place}: {reason(error)}; it cannot be read") from error
        raise SourceError(f"{place}: {what} ({describe(error)})") from error


def describe(error):
    """Returns the error of an archive's reader in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"the name {error.object[:80]!r} is not in UTF-8, though it says so"
    return " ".join(str(error).split()) or type(error).__name__

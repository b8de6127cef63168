"""Reads tar archives, compressed or not, as a stream."""

import bz2
import contextlib
import gzip
import lzma
import pathlib
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from tqdm.auto import tqdm

from pipelines.archives.damage import damage_named
from pipelines.limits import check_size

_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ": lzma.open,
    b"BZh": bz2.open,
}
_LONGEST_HEADER = 2**16  # of long names and other extended headers, which tarfile reads whole
_CHUNK = 2**20
_DAMAGED = "not a tar archive, or damaged or truncated"
_EXTENDED = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)


def read_members(
    path: pathlib.Path, show_progress: bool = False
) -> Iterator[tuple[tarfile.TarInfo, Callable[[int], bytes]]]:
    """Yields (member, function that returns its content) for each regular file of a tar archive.

    Links are skipped. If the caller reads all members, the archive is read to its end and its
    checksums are verified; a member itself has a checksum only of its header.

    Args:
        path: the archive, compressed by gzip, bzip2, xz or not at all.
        show_progress: whether to show a progress bar.

    Yields:
        The member; and a function of the largest allowed size in bytes that returns the content and
        raises a `SourceError` if it is larger. Call it before the next member is read.

    Raises:
        SourceError: if this is not a tar archive, or it is damaged or truncated.
    """
    with (
        damage_named(path, _DAMAGED),
        path.open("rb") as file,
    ):
        start = file.read(6)
        file.seek(0)
        opener = next((_OPENERS[m] for m in _OPENERS if start.startswith(m)), None)
        with (
            tqdm.wrapattr(
                file,
                "read",
                total=path.stat().st_size,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                desc=f"Checking {path.name}",
                leave=False,
                disable=not show_progress,
            ) as raw,
            opener(raw) if opener else contextlib.nullcontext(raw) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictTarInfo) as archive,
        ):
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all headers
                if member.isfile():
                    yield member, _reader(path, archive, member)
            while stream.read(_CHUNK):  # the checksum is at the end
                pass


def _reader(path, archive, member):
    def read(limit):
        check_size(f"{path}: {member.name}", member.size, limit)
        with damage_named(path, _DAMAGED):
            return archive.extractfile(member).read()

    return read


class _StrictTarInfo(tarfile.TarInfo):
    """A header that must be intact: tarfile mistakes a damaged one for the archive's end."""

    @classmethod
    def frombuf(cls, buffer, encoding, errors):
        member = super().frombuf(buffer, encoding, errors)
        if member.type in _EXTENDED and member.size > _LONGEST_HEADER:
            raise tarfile.HeaderError(f"an extended one of {member.size:,} bytes")
        return member

    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"bad header: {error}") from error

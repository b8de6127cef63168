"""Reads zip archives member by member and checks each against both of its descriptions.

A zip archive describes a member twice: in a header before it, and in a table of contents at the
end. Most readers use only the table, which has no checksum: if it is damaged, they mistake one
member for another.
"""

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from pipelines.archives.damage import damage_named
from pipelines.errors import SourceError
from pipelines.escaping import quoted, shorten
from pipelines.limits import check_size
from pipelines.paths import StrPath

_ENCRYPTED, _SIZES_BEHIND, _UTF_8 = 1, 8, 0x800  # bits of a member's flags
# Signature, flags, method, checksum, compressed size, size, lengths of name and extra field.
_LOCAL_HEADER = struct.Struct("<4s2xHH4xIIIHH")
_EXTRA_FIELD, _SIZES_OF_64_BITS, _NOT_HERE = struct.Struct("<HH"), 1, 0xFFFFFFFF
_END, _END_OF_64_BITS, _LONGEST_COMMENT = struct.Struct("<4s6xH10x"), b"PK\6\6", 2**16
_CHUNK = 2**20
_LONGEST_NAME, _LONGEST_SHOWN = 1000, 200
_CONTROLS = frozenset(map(chr, [*range(32), 127]))


class ZipMember(NamedTuple):
    """A file in a zip archive, with all that is needed to read it; it can be pickled.

    Attributes:
        archive: path of the archive.
        name: the member's name.
        size: its size in bytes.
        compressed_size: its size in the archive.
        method: the number of the compression method.
        offset: where in the archive the content begins.
        checksum: the CRC-32 of the content.
    """

    archive: str
    name: str
    size: int
    compressed_size: int
    method: int
    offset: int
    checksum: int

    @property
    def place(self) -> str:
        """Where the file is, for messages."""
        return f"{self.archive}: {self.name}"

    def read(self, limit: int) -> bytes:
        """Returns the content; needs at most a few times the limit in memory.

        Args:
            limit: the largest allowed size in bytes.

        Raises:
            SourceError: if the member is larger, or the archive is damaged or cannot be read.
        """
        check_size(self.place, self.size, limit)
        with damage_named(self.place, f"damaged archive, {self.name} cannot be read"):
            with open(self.archive, "rb") as file:
                file.seek(self.offset)
                content = self._content(file)
            if zlib.crc32(content) != self.checksum:
                raise zipfile.BadZipFile("wrong checksum")
        return content

    def _content(self, file):
        """Returns the content from the archive, a file positioned at the content's beginning."""
        stream, parts, left = zlib.decompressobj(-zlib.MAX_WBITS), [], self.size
        unread = self.compressed_size
        while unread:
            chunk = file.read(min(unread, _CHUNK))
            if not chunk:
                raise EOFError("the archive ends in the middle of it")
            unread -= len(chunk)
            if self.method == zipfile.ZIP_DEFLATED:
                chunk = stream.decompress(chunk, left + 1)
            left -= len(chunk)
            parts.append(chunk)
            if left < 0:
                break
        if left or (self.method == zipfile.ZIP_DEFLATED and not stream.eof):
            raise zipfile.BadZipFile(f"its size is not {self.size:,} bytes, as the archive states")
        return b"".join(parts)


def read_members(
    path: StrPath, is_wanted: Callable[[str], bool], what: str = "a zip archive"
) -> list[ZipMember]:
    """Returns the wanted files of a zip archive, in the order of its table of contents.

    For every member, the table's name, sizes, checksum and compression are compared with the
    member's own header.

    Args:
        path: the archive.
        is_wanted: function from a member's name to a boolean. Other members are not checked.
        what: what the path should be, for the message.

    Raises:
        SourceError: if this is not a zip archive, it is damaged, or a wanted member occurs twice,
            is encrypted, is a link, uses a compression other than deflate, or has a name that
            points outside the archive.
    """
    with damage_named(path, f"not {what}, or damaged or truncated"):
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            _check_number(file, len(infos))
            offsets = {}
            for info in sorted(infos, key=lambda info: info.header_offset):
                offsets[id(info)] = _check_header(file, info)
    wanted = [info for info in infos if not info.is_dir() and is_wanted(info.orig_filename)]
    for info in wanted:
        _check_name(path, info.orig_filename)
    for name, number in Counter(info.orig_filename for info in wanted).items():
        if number > 1:
            raise SourceError(f"{path}: {number} members are called {name}; expected one")
    for info in wanted:
        _check_usable(path, info)
    return [
        ZipMember(
            str(path),
            info.orig_filename,
            info.file_size,
            info.compress_size,
            info.compress_type,
            offsets[id(info)],
            info.CRC,
        )
        for info in wanted
    ]


def _check_number(file, found):
    """Compares the number of members with the number at the end of the archive."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - _END.size - _LONGEST_COMMENT))
    end = file.read()
    place = end.rfind(b"PK\5\6")
    _, number = _END.unpack_from(end, place)
    place_64 = end.rfind(_END_OF_64_BITS, 0, place)
    if number == 0xFFFF and place_64 >= 0:
        (number,) = struct.unpack_from("<Q", end, place_64 + 32)
    if found != number:
        raise zipfile.BadZipFile(f"{found:,} members in the table of contents, not {number:,}")


def _check_header(file, info):
    """Compares a table entry with the member's header; returns where the content begins."""
    file.seek(info.header_offset)
    signature, flags, method, *numbers, name_length, extra_length = _LOCAL_HEADER.unpack(
        file.read(_LOCAL_HEADER.size)
    )
    name, extra = file.read(name_length), file.read(extra_length)
    in_table = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437")
    shown = shorten(info.orig_filename, _LONGEST_SHOWN)
    if signature != b"PK\3\4" or len(extra) != extra_length:
        raise zipfile.BadZipFile(f"no header of {shown}")
    if b"\0" in name:
        raise zipfile.BadZipFile(f"the name {quoted(name)} has a null character")
    if name != in_table:
        raise zipfile.BadZipFile(
            f"{shown} in the table of contents is {quoted(name)} in its header"
        )
    numbers = [numbers[0], *_sizes(numbers[1:], extra)]
    expected = [info.CRC, info.compress_size, info.file_size]
    behind = flags & _SIZES_BEHIND  # the content: the header then has zeros
    if not all(a == b or (behind and not a) for a, b in zip(numbers, expected, strict=True)):
        raise zipfile.BadZipFile(f"size or checksum of {shown} differs in its header")
    if method != info.compress_type or flags & ~info.flag_bits & _ENCRYPTED:
        raise zipfile.BadZipFile(f"compression of {shown} differs in its header")
    return file.tell()


def _sizes(sizes, extra):
    """Returns the compressed size and the size in a header, or else in its extra field."""
    large = []
    while len(extra) >= _EXTRA_FIELD.size:
        kind, length = _EXTRA_FIELD.unpack_from(extra)
        if kind == _SIZES_OF_64_BITS:
            content = extra[_EXTRA_FIELD.size : _EXTRA_FIELD.size + length]
            large = list(struct.unpack(f"<{len(content) // 8}Q", content[: len(content) // 8 * 8]))
        extra = extra[_EXTRA_FIELD.size + length :]
    size = large.pop(0) if sizes[1] == _NOT_HERE and large else sizes[1]
    compressed = large.pop(0) if sizes[0] == _NOT_HERE and large else sizes[0]
    return compressed, size


def _check_name(path, name):
    """Raises a `SourceError` for a name that is not a file's name below a folder."""
    if len(name) > _LONGEST_NAME or not _CONTROLS.isdisjoint(name):
        raise SourceError(
            f"{path}: the name {quoted(name)} is longer than {_LONGEST_NAME:,} characters or has "
            "control characters; rename the file"
        )
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise SourceError(
            f"{path}: the name {name} points outside the archive; expected names without .. that "
            "do not begin with /"
        )


def _check_usable(path, info):
    """Raises a `SourceError` for a member that is a link or cannot be read."""
    name, advice = info.orig_filename, "unpack the archive"
    if info.flag_bits & _ENCRYPTED:
        raise SourceError(f"{path}: {name} is encrypted; {advice}")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError(
            f"{path}: {name} is compressed by method {info.compress_type}, expected deflate; "
            f"{advice}"
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SourceError(f"{path}: {name} is a link; expected plain files; {advice}")

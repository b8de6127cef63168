"""Finds the `.skeleton` files of NTU RGB+D in a folder or in the original zip archives.

A source is any object with a `path`, for messages, and `files()`, the list of its skeleton files. A
file has a `name` (of the sample), a `place` (for messages), a `size` in bytes and `read()`, its
content; it is small and can be pickled, so that other processes and machines can read it.
"""

import os
import pathlib
import struct
import zipfile
import zlib
from typing import NamedTuple

from pipelines.errors import SourceError

ARCHIVES = ("nturgbd_skeletons_s001_to_s017.zip", "nturgbd_skeletons_s018_to_s032.zip")
_SUFFIX = ".skeleton"
_ENCRYPTED = 1
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, then the lengths of name and extra field


def open_source(path):
    """Returns the skeleton files at a path.

    Args:
        path: a folder of `.skeleton` files, at any depth; a zip archive of them; or a folder that
            holds the original archives (`ARCHIVES`). Archives are read without unpacking.

    Raises:
        SourceError: if there is nothing at the path.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return ArchiveSource(path)
    raise SourceError(
        f"{path}: no such file or folder; expected a folder of {_SUFFIX} files or an original "
        f"archive such as {ARCHIVES[0]}"
    )


class FileInFolder(NamedTuple):
    """A skeleton file on disk."""

    place: str
    size: int

    @property
    def name(self):
        """The sample's name."""
        return _sample_name(self.place)

    def read(self):
        """Returns the content; raises a SourceError if the file cannot be read."""
        try:
            with open(self.place, "rb") as file:
                return file.read()
        except OSError as error:
            raise SourceError(f"{self.place}: {error.strerror}") from error


class FileInArchive(NamedTuple):
    """A skeleton file in a zip archive, with all that is needed to read it alone.

    `zipfile` would read the whole table of contents again in every process that reads from it.
    """

    archive: str
    member: str
    size: int
    compressed_size: int
    method: int
    header: int
    checksum: int

    @property
    def name(self):
        """The sample's name."""
        return _sample_name(self.member)

    @property
    def place(self):
        """Where the file is, for messages."""
        return f"{self.archive}: {self.member}"

    def read(self):
        """Returns the content; raises a SourceError if the archive is damaged there."""
        try:
            with open(self.archive, "rb") as file:
                file.seek(self.header)
                signature, *lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
                file.seek(sum(lengths), os.SEEK_CUR)
                content = file.read(self.compressed_size)
            if self.method == zipfile.ZIP_DEFLATED:
                stream = zlib.decompressobj(-zlib.MAX_WBITS)
                content = stream.decompress(content, max(1, self.size))
        except (OSError, struct.error, zlib.error) as error:
            raise SourceError(f"{self.place}: damaged archive ({error})") from error
        if signature != b"PK\3\4" or zlib.crc32(content) != self.checksum:
            raise SourceError(f"{self.place}: damaged archive (wrong checksum)")
        return content


class FolderSource:
    """The skeleton files below a folder and in the original archives there."""

    def __init__(self, path):
        self.path = str(path)

    def files(self):
        """Returns the skeleton files. Hidden files are none."""
        found = []
        for entry in _walk(self.path):
            if entry.name in ARCHIVES:
                found += ArchiveSource(entry.path).files()
            elif _is_skeleton(entry.name):
                found.append(FileInFolder(entry.path, entry.stat().st_size))
        if not found:
            raise SourceError(
                f"{self.path}: neither {_SUFFIX} files nor the original archives "
                f"({', '.join(ARCHIVES)}) in it"
            )
        return found


class ArchiveSource:
    """The skeleton files in a zip archive."""

    def __init__(self, path):
        self.path = str(path)

    def files(self):
        """Returns the skeleton files. Hidden files are none."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError) as error:
            message = f"{self.path}: not a zip archive, or damaged or truncated ({error})"
            raise SourceError(message) from error
        found = [self._file(member) for member in members if _is_skeleton(member.filename)]
        if not found:
            raise SourceError(f"{self.path}: no {_SUFFIX} files in it")
        return found

    def _file(self, member):
        if member.flag_bits & _ENCRYPTED:
            raise SourceError(f"{self.path}: {member.filename} is encrypted; unpack the archive")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(
                f"{self.path}: {member.filename} is compressed by method {member.compress_type}, "
                "expected deflate; unpack the archive"
            )
        return FileInArchive(
            self.path,
            member.filename,
            member.file_size,
            member.compress_size,
            member.compress_type,
            member.header_offset,
            member.CRC,
        )


def _walk(root):
    """Yields the entries of all files below a folder; links are followed, each folder once."""
    folders, seen = [root], set()
    while folders:
        folder = folders.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        folders.append(entry.path)
                    elif entry.is_file():
                        yield entry
        except OSError as error:
            raise SourceError(f"{folder}: {error.strerror}") from error


def _is_skeleton(path):
    """Whether a file's path is that of a skeleton; macOS adds hidden files to archives."""
    name = os.path.basename(path)
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _sample_name(path):
    return os.path.basename(path).removesuffix(_SUFFIX)

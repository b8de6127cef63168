"""Finds the `.skeleton` files of NTU RGB+D in a folder or in the original zip archives.

A source is any object with a `path`, for messages, and `files()`, the list of its skeleton files. A
file has a `name` (of the sample), a `place` (for messages), a `size` in bytes and `read()`, its
content; it is small and can be pickled, so that other processes and machines can read it.
"""

import os
import pathlib
from typing import NamedTuple

from pipelines.archives.zip_archive import ZipMember, read_members
from pipelines.errors import SourceError
from pipelines.file_errors import reading
from pipelines.folders import walk
from pipelines.limits import SKELETON_FILE, read_file

ARCHIVES = ("nturgbd_skeletons_s001_to_s017.zip", "nturgbd_skeletons_s018_to_s032.zip")
_SUFFIX = ".skeleton"


def open_source(path, limit=SKELETON_FILE):
    """Returns the skeleton files at a path.

    Args:
        path: a folder of `.skeleton` files, at any depth; a zip archive of them; or a folder that
            holds the original archives (`ARCHIVES`). Archives are read without unpacking.
        limit: integer, the size of the largest skeleton file in bytes; a larger one is damaged.

    Raises:
        SourceError: if there is nothing at the path.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return FolderSource(path, limit)
    if path.is_file():
        return ArchiveSource(path, limit)
    raise SourceError(
        f"{path}: no such file or folder; expected a folder of {_SUFFIX} files or an original "
        f"archive such as {ARCHIVES[0]}"
    )


class FileInFolder(NamedTuple):
    """A skeleton file on disk."""

    place: str
    size: int
    limit: int

    @property
    def name(self):
        """The sample's name."""
        return _sample_name(self.place)

    def read(self):
        """Returns the content; raises a SourceError if the file cannot be read, or is too large."""
        return read_file(self.place, self.limit)


class FileInArchive(NamedTuple):
    """A skeleton file in a zip archive."""

    member: ZipMember
    limit: int

    @property
    def name(self):
        """The sample's name."""
        return _sample_name(self.member.name)

    @property
    def place(self):
        """Where the file is, for messages."""
        return self.member.place

    @property
    def size(self):
        """The size in bytes."""
        return self.member.size

    def read(self):
        """Returns the content; raises a SourceError if it is damaged there, or too large."""
        return self.member.read(self.limit)


class FolderSource:
    """The skeleton files below a folder and in the original archives there."""

    def __init__(self, path, limit):
        self.path = str(path)
        self._limit = limit

    def files(self):
        """Returns the skeleton files. Hidden files are none."""
        found = []
        for entry in walk(self.path):
            if entry.name in ARCHIVES:
                found += ArchiveSource(entry.path, self._limit).files()
            elif _is_skeleton(entry.name):
                with reading(entry.path):
                    size = entry.stat().st_size
                found.append(FileInFolder(entry.path, size, self._limit))
        if not found:
            raise SourceError(
                f"{self.path}: neither {_SUFFIX} files nor the original archives "
                f"({', '.join(ARCHIVES)}) in it"
            )
        return found


class ArchiveSource:
    """The skeleton files in a zip archive."""

    def __init__(self, path, limit):
        self.path = str(path)
        self._limit = limit

    def files(self):
        """Returns the skeleton files. Hidden files are none."""
        members = read_members(self.path, _is_skeleton)
        if not members:
            raise SourceError(f"{self.path}: no {_SUFFIX} files in it")
        return [FileInArchive(member, self._limit) for member in members]


def _is_skeleton(path):
    """Whether a file's path is that of a skeleton; macOS adds hidden files to archives."""
    name = os.path.basename(path)
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _sample_name(path):
    return os.path.basename(path).removesuffix(_SUFFIX)

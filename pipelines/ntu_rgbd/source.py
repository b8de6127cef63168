"""Finds the `.skeleton` files of NTU RGB+D in a folder or in the original zip archives."""

import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pipelines.archives.zip_archive import ZipMember, read_members
from pipelines.errors import SourceError
from pipelines.file_errors import reading
from pipelines.folders import walk
from pipelines.limits import SKELETON_FILE, read_file
from pipelines.paths import StrPath

ARCHIVES = ("nturgbd_skeletons_s001_to_s017.zip", "nturgbd_skeletons_s018_to_s032.zip")
_SUFFIX = ".skeleton"


class SkeletonFile(Protocol):
    """A skeleton file; it can be pickled, so that any process or machine can read it."""

    @property
    def name(self) -> str:
        """The sample's name."""

    @property
    def place(self) -> str:
        """Where the file is, for messages."""

    @property
    def size(self) -> int:
        """The size in bytes."""

    def read(self) -> bytes:
        """Returns the content; raises a `SourceError` if it is damaged, unreadable or too large."""


class SkeletonSource(Protocol):
    """A source of skeleton files.

    Attributes:
        path: where the files come from, for messages.
    """

    path: str

    def files(self) -> Sequence[SkeletonFile]:
        """Returns the skeleton files."""


def open_source(path: StrPath, limit: int = SKELETON_FILE) -> SkeletonSource:
    """Returns the source of the skeleton files at a path.

    Args:
        path: a folder of `.skeleton` files, at any depth; a zip archive of them; or a folder that
            contains the original archives (`ARCHIVES`). Archives are read without unpacking.
        limit: the size of the largest skeleton file in bytes; a larger file counts as damaged.

    Raises:
        SourceError: if there is nothing at the path.
    """
    place = pathlib.Path(path).expanduser()
    if place.is_dir():
        return FolderSource(place, limit)
    if place.is_file():
        return ArchiveSource(place, limit)
    raise SourceError(
        f"{place}: no such file or folder; expected a folder of {_SUFFIX} files or an original "
        f"archive such as {ARCHIVES[0]}"
    )


class FileInFolder(NamedTuple):
    """A skeleton file on disk."""

    place: str
    size: int
    limit: int

    @property
    def name(self) -> str:
        """The sample's name."""
        return _sample_name(self.place)

    def read(self) -> bytes:
        """Returns the content; raises a `SourceError` if it cannot be read or is too large."""
        return read_file(self.place, self.limit)


class FileInArchive(NamedTuple):
    """A skeleton file in a zip archive."""

    member: ZipMember
    limit: int

    @property
    def name(self) -> str:
        """The sample's name."""
        return _sample_name(self.member.name)

    @property
    def place(self) -> str:
        """Where the file is, for messages."""
        return self.member.place

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.member.size

    def read(self) -> bytes:
        """Returns the content; raises a `SourceError` if it is damaged or too large."""
        return self.member.read(self.limit)


class FolderSource:
    """The skeleton files below a folder, including those in original archives there."""

    def __init__(self, path: StrPath, limit: int) -> None:
        self.path = str(path)
        self._limit = limit

    def files(self) -> list[SkeletonFile]:
        """Returns the skeleton files; hidden files are ignored."""
        found: list[SkeletonFile] = []
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

    def __init__(self, path: StrPath, limit: int) -> None:
        self.path = str(path)
        self._limit = limit

    def files(self) -> list[SkeletonFile]:
        """Returns the skeleton files; hidden files are ignored."""
        members = read_members(self.path, _is_skeleton)
        if not members:
            raise SourceError(f"{self.path}: no {_SUFFIX} files in it")
        return [FileInArchive(member, self._limit) for member in members]


def _is_skeleton(path):
    """Whether a path is that of a skeleton file; macOS adds hidden files to archives."""
    name = os.path.basename(path)
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _sample_name(path):
    return os.path.basename(path).removesuffix(_SUFFIX)

"""Reads the reviews of the Large Movie Review Dataset from its folder or its archive.

Both sources have the same methods: `names()` lists all reviews (it reads an archive to its end and
so checks all of it), and `read(folders)` yields the content of some.
"""

import os
import pathlib
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from pipelines.archives.tar_archive import read_members
from pipelines.errors import SourceError
from pipelines.file_errors import reading
from pipelines.limits import REVIEW, check_size, read_file
from pipelines.paths import StrPath
from pipelines.user_files import decode

# Split -> folder in aclImdb -> (label, ratings that agree with it). Zero means unrated.
SPLITS = {
    "train": {"train/neg": (0, range(1, 5)), "train/pos": (1, range(7, 11))},
    "test": {"test/neg": (0, range(1, 5)), "test/pos": (1, range(7, 11))},
    "unsupervised": {"train/unsup": (-1, range(0, 1))},
}
_FOLDERS = {folder: split for split, folders in SPLITS.items() for folder in folders}
_FILE_NAME = re.compile(r"([0-9]+)_([0-9]+)\.txt")


class Review(NamedTuple):
    """One review; `id` is its path in the data set without the suffix."""

    id: str
    text: str
    label: int
    rating: int


def open_source(path: StrPath, limit: int = REVIEW) -> "ReviewFolder | ReviewArchive":
    """Returns the reviews at a path: a folder or a tar archive, compressed or not.

    Args:
        path: an `aclImdb` folder, a folder that contains one, or an archive of it.
        limit: the size of the largest review in bytes; a larger one is an error.

    Raises:
        SourceError: if there is nothing at the path.
    """
    place = pathlib.Path(path).expanduser()
    if place.is_dir():
        return ReviewFolder(place, limit)
    if place.is_file():
        return ReviewArchive(place, limit)
    raise SourceError(f"{place}: no such file or folder; expected an aclImdb folder or its archive")


def count_reviews(source: "ReviewFolder | ReviewArchive") -> dict[str, int]:
    """Checks the names of all reviews and returns the number of reviews of each split.

    Raises:
        SourceError: if a file name is not that of a review or occurs twice, a labeled folder has no
            reviews, or the archive is damaged.
    """
    seen = set()
    for folder, name in source.names():
        _parse_name(source, folder, name)
        if (folder, name) in seen:
            raise SourceError(f"{source.place(folder, name)}: there are two files with this name")
        seen.add((folder, name))
    folders = Counter(folder for folder, _ in seen)
    for folder in _FOLDERS:
        if not folders[folder] and folder != "train/unsup":
            raise SourceError(f"{source.path}: no reviews in aclImdb/{folder}")
    counts = {split: sum(folders[folder] for folder in SPLITS[split]) for split in SPLITS}
    return {split: count for split, count in counts.items() if count}


def read_reviews(source: "ReviewFolder | ReviewArchive", split: str) -> Iterator[Review]:
    """Yields the reviews of a split, in the order of the source.

    Raises:
        SourceError: if a review is not UTF-8 or has no text.
    """
    for folder, name, content in source.read(SPLITS[split]):
        label, rating = _parse_name(source, folder, name)
        text = decode(source.place(folder, name), content)
        if not text.strip():
            raise SourceError(f"{source.place(folder, name)}: the review has no text")
        yield Review(f"{folder}/{name.removesuffix('.txt')}", text, label, rating)


def _parse_name(source, folder, name):
    """Returns label and rating of a review from its folder and its file name."""
    match = _FILE_NAME.fullmatch(name)
    if not match:
        raise SourceError(
            f"{source.place(folder, name)}: the file name does not give id and rating; "
            "expected ID_RATING.txt, such as 0_9.txt"
        )
    label, ratings = SPLITS[_FOLDERS[folder]][folder]
    rating = int(match[2])
    if rating not in ratings:
        raise SourceError(
            f"{source.place(folder, name)}: rating {rating} in {folder}; "
            f"expected {ratings[0]} to {ratings[-1]}"
        )
    return label, rating


class ReviewFolder:
    """The reviews in an unpacked `aclImdb` folder. Hidden files are ignored."""

    def __init__(self, path: pathlib.Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._root = path if (path / "train").is_dir() else path / "aclImdb"

    def place(self, folder: str, name: str) -> str:
        """Returns where a review is, for messages."""
        return str(self._root / folder / name)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yields (folder, file name) of all reviews."""
        for folder in _FOLDERS:
            path = self._root / folder
            if not os.path.lexists(path):
                continue
            with reading(path), os.scandir(path) as entries:
                names = [entry.name for entry in entries if entry.is_file()]
            for name in names:
                if not name.startswith("."):
                    yield folder, name

    def read(self, folders: Collection[str]) -> Iterator[tuple[str, str, bytes]]:
        """Yields (folder, file name, content) of the reviews in the folders."""
        for folder, name in self.names():
            if folder in folders:
                yield folder, name, read_file(self.place(folder, name), self._limit)


class ReviewArchive:
    """The reviews in a tar archive, which is read as a stream and not unpacked to disk.

    Only regular files below `aclImdb/` count; links and other files are skipped.
    """

    def __init__(self, path: pathlib.Path, limit: int) -> None:
        self.path = path
        self._limit = limit

    def place(self, folder: str, name: str) -> str:
        """Returns where a review is, for messages."""
        return f"{self.path}: aclImdb/{folder}/{name}"

    def names(self) -> Iterator[tuple[str, str]]:
        """Yields (folder, file name) of all reviews and checks the archive to its end."""
        for folder, name, _ in self._reviews(show_progress=True):
            yield folder, name

    def read(self, folders: Collection[str]) -> Iterator[tuple[str, str, bytes]]:
        """Yields (folder, file name, content) of the reviews in the folders."""
        for folder, name, read in self._reviews():
            if folder in folders:
                yield folder, name, read(self._limit)

    def _reviews(self, show_progress=False):
        """Yields (folder, file name, function that reads it) of the reviews."""
        for member, read in read_members(self.path, show_progress):
            root, _, path = member.name.removeprefix("./").partition("/")
            folder, _, name = path.rpartition("/")
            if root == "aclImdb" and folder in _FOLDERS and not name.startswith("."):
                check_size(self.place(folder, name), member.size, self._limit)
                yield folder, name, read

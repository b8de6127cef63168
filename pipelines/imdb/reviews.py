"""Reads the reviews of the Large Movie Review Dataset from its folder or its archive.

Both sources have the same two methods: `names()` goes through all reviews' places (an archive is
read to its end and so checked whole), `read(folders)` yields the content of some of them.
"""

import os
import pathlib
import re
from collections import Counter
from typing import NamedTuple

from pipelines.archives.tar_archive import read_members
from pipelines.errors import SourceError
from pipelines.file_errors import reading
from pipelines.limits import REVIEW, check_size, read_file

# Split -> folder inside aclImdb -> (label, ratings that agree with it). Zero means unrated.
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


def open_source(path, limit=REVIEW):
    """Returns the reviews at a path: a folder or a tar archive, compressed or not.

    Args:
        path: an `aclImdb` folder, a folder that contains one, or an archive of it.
        limit: integer, the size of the largest review in bytes; a larger one is an error.

    Raises:
        SourceError: if there is nothing at the path.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return ReviewFolder(path, limit)
    if path.is_file():
        return ReviewArchive(path, limit)
    raise SourceError(f"{path}: no such file or folder; expected an aclImdb folder or its archive")


def count_reviews(source):
    """Returns the number of reviews of each split, after a check of all their names.

    Raises:
        SourceError: if a file name is not a review's or occurs twice, a labelled folder has no
            reviews, or the archive is damaged.
    """
    seen = set()
    for folder, name in source.names():
        _parse_name(source, folder, name)
        if (folder, name) in seen:
            raise SourceError(f"{source.place(folder, name)}: there are two files of this name")
        seen.add((folder, name))
    folders = Counter(folder for folder, _ in seen)
    for folder in _FOLDERS:
        if not folders[folder] and folder != "train/unsup":
            raise SourceError(f"{source.path}: no reviews in aclImdb/{folder}")
    counts = {split: sum(folders[folder] for folder in SPLITS[split]) for split in SPLITS}
    return {split: count for split, count in counts.items() if count}


def read_reviews(source, split):
    """Yields the reviews of a split, in the order of the source.

    Raises:
        SourceError: if a review is not UTF-8 or has no text.
    """
    for folder, name, content in source.read(SPLITS[split]):
        label, rating = _parse_name(source, folder, name)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{source.place(folder, name)}: not UTF-8 text ({error})") from error
        if not text.strip():
            raise SourceError(f"{source.place(folder, name)}: the review has no text")
        yield Review(f"{folder}/{name.removesuffix('.txt')}", text, label, rating)


def _parse_name(source, folder, name):
    """Returns label and rating of a review from its folder and its file name."""
    match = _FILE_NAME.fullmatch(name)
    if not match:
        raise SourceError(
            f"{source.place(folder, name)}: file name without id and rating; "
            "expected ID_RATING.txt such as 0_9.txt"
        )
    label, ratings = SPLITS[_FOLDERS[folder]][folder]
    rating = int(match[2])
    if rating not in ratings:
        raise SourceError(
            f"{source.place(folder, name)}: rating {rating} in {folder}, "
            f"where ratings are {ratings[0]} to {ratings[-1]}"
        )
    return label, rating


class ReviewFolder:
    """Reviews in an unpacked `aclImdb` folder. Hidden files are not reviews."""

    def __init__(self, path, limit):
        self.path = path
        self._limit = limit
        self._root = path if (path / "train").is_dir() else path / "aclImdb"

    def place(self, folder, name):
        """Returns where a review is, for messages."""
        return str(self._root / folder / name)

    def names(self):
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

    def read(self, folders):
        """Yields (folder, file name, content) of the reviews in the folders."""
        for folder, name in self.names():
            if folder in folders:
                yield folder, name, read_file(self.place(folder, name), self._limit)


class ReviewArchive:
    """Reviews in a tar archive, read as a stream: nothing is unpacked to disk.

    Only regular files below `aclImdb/` count; links and anything elsewhere are passed over.
    """

    def __init__(self, path, limit):
        self.path = path
        self._limit = limit

    def place(self, folder, name):
        """Returns where a review is, for messages."""
        return f"{self.path}: aclImdb/{folder}/{name}"

    def names(self):
        """Yields (folder, file name) of all reviews and checks the archive to its end."""
        for folder, name, _ in self._reviews(show_progress=True):
            yield folder, name

    def read(self, folders):
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

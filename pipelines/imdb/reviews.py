"""Reads the reviews of the Large Movie Review Dataset from its folder or its archive.

Both sources have the same two methods: `names()` goes through all reviews' places (an archive is
read to its end and so checked whole), `read(folders)` yields the content of some of them.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import pathlib
import re
import tarfile
import zlib
from collections import Counter
from typing import NamedTuple

from tqdm.auto import tqdm

from pipelines.errors import SourceError

# Split -> folder inside aclImdb -> (label, ratings that agree with it). Zero means unrated.
SPLITS = {
    "train": {"train/neg": (0, range(1, 5)), "train/pos": (1, range(7, 11))},
    "test": {"test/neg": (0, range(1, 5)), "test/pos": (1, range(7, 11))},
    "unsupervised": {"train/unsup": (-1, range(0, 1))},
}
_FOLDERS = {folder: split for split, folders in SPLITS.items() for folder in folders}
_FILE_NAME = re.compile(r"([0-9]+)_([0-9]+)\.txt")
_OPENERS = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ": lzma.open, b"BZh": bz2.open}
_DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)


class Review(NamedTuple):
    """One review; `id` is its path in the data set without the suffix."""

    id: str
    text: str
    label: int
    rating: int


def open_source(path):
    """Returns the reviews at a path: a folder or a tar archive, compressed or not.

    Args:
        path: an `aclImdb` folder, a folder that contains one, or an archive of it.

    Raises:
        SourceError: if there is nothing at the path.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return ReviewFolder(path)
    if path.is_file():
        return ReviewArchive(path)
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

    def __init__(self, path):
        self.path = path
        self._root = path if (path / "train").is_dir() else path / "aclImdb"

    def place(self, folder, name):
        """Returns where a review is, for messages."""
        return str(self._root / folder / name)

    def names(self):
        """Yields (folder, file name) of all reviews."""
        for folder in _FOLDERS:
            with contextlib.suppress(FileNotFoundError), os.scandir(self._root / folder) as entries:
                for entry in entries:
                    if entry.is_file() and not entry.name.startswith("."):
                        yield folder, entry.name

    def read(self, folders):
        """Yields (folder, file name, content) of the reviews in the folders."""
        for folder, name in self.names():
            if folder in folders:
                try:
                    content = (self._root / folder / name).read_bytes()
                except OSError as error:
                    raise SourceError(f"{self.place(folder, name)}: {error.strerror}") from error
                yield folder, name, content


class ReviewArchive:
    """Reviews in a tar archive, read as a stream: nothing is unpacked to disk.

    Only regular files below `aclImdb/` count; links and anything elsewhere are passed over.
    """

    def __init__(self, path):
        self.path = path

    def place(self, folder, name):
        """Returns where a review is, for messages."""
        return f"{self.path}: aclImdb/{folder}/{name}"

    def names(self):
        """Yields (folder, file name) of all reviews and checks the archive to its end."""
        with self._open(show_progress=True) as (archive, stream):
            for folder, name, _ in _members(archive):
                yield folder, name
            while stream.read(1 << 20):  # the checksum comes last
                pass

    def read(self, folders):
        """Yields (folder, file name, content) of the reviews in the folders."""
        with self._open() as (archive, _):
            for folder, name, member in _members(archive):
                if folder in folders:
                    yield folder, name, archive.extractfile(member).read()

    @contextlib.contextmanager
    def _open(self, show_progress=False):
        """Gives the archive and its decompressed stream; what fails in it is damage."""
        try:
            with self.path.open("rb") as file:
                start = file.read(6)
                file.seek(0)
                opener = next((_OPENERS[m] for m in _OPENERS if start.startswith(m)), None)
                with (
                    tqdm.wrapattr(
                        file,
                        "read",
                        total=self.path.stat().st_size,
                        unit="B",
                        unit_scale=True,
                        unit_divisor=1024,
                        desc=f"Checking {self.path.name}",
                        leave=False,
                        disable=not show_progress,
                    ) as raw,
                    opener(raw) if opener else contextlib.nullcontext(raw) as stream,
                    tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictTarInfo) as archive,
                ):
                    yield archive, stream
        except _DAMAGE as error:
            message = f"{self.path}: not a tar archive, or damaged or truncated ({error})"
            raise SourceError(message) from error


class _StrictTarInfo(tarfile.TarInfo):
    """A header that must be whole: tarfile takes a damaged one for the archive's end."""

    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"bad header: {error}") from error


def _members(archive):
    """Yields (folder, file name, member) of the reviews in an archive."""
    while member := archive.next():
        archive.members.clear()  # tarfile keeps every header otherwise
        root, _, path = member.name.removeprefix("./").partition("/")
        folder, _, name = path.rpartition("/")
        review = root == "aclImdb" and folder in _FOLDERS and not name.startswith(".")
        if review and member.isfile():
            yield folder, name, member

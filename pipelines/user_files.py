"""Functions that the readers of text, tables and arrays share."""

import codecs
import io
import itertools
import pathlib
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

from pipelines.errors import SourceError
from pipelines.escaping import JOINERS, is_shown, quoted
from pipelines.file_errors import reading
from pipelines.limits import ADVICE, LINE, check_file_size
from pipelines.paths import StrPath


def file_of_type(path: StrPath, suffixes: Collection[str]) -> tuple[pathlib.Path, str]:
    """Returns a file's path and its suffix in lower case.

    Args:
        path: the file.
        suffixes: the suffixes that it may have, such as ".csv".

    Raises:
        SourceError: if it has another suffix or does not exist.
    """
    file = pathlib.Path(path).expanduser()
    suffix = file.suffix.lower()
    if suffix not in suffixes:
        expected = ", ".join(suffixes)
        raise SourceError(f"{file}: file type {quoted(suffix)}; expected one of {expected}")
    if not file.is_file():
        raise SourceError(f"{file}: no such file")
    return file, suffix


def files_in_folder(folder: StrPath, names: Sequence[str], limit: int) -> list[pathlib.Path]:
    """Returns the paths of files that must be in one folder.

    Args:
        folder: the folder.
        names: the files' names.
        limit: the size of the largest file in bytes.

    Raises:
        SourceError: if the folder or a file does not exist, or a file is larger.
    """
    root, expected = pathlib.Path(folder).expanduser(), ", ".join(names)
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder; expected the folder with {expected}")
    paths = [root / name for name in names]
    for path in paths:
        if not path.is_file():
            raise SourceError(f"{path}: no such file; expected {expected} in one folder")
        check_file_size(path, limit)
    return paths


def read_lines(path: pathlib.Path, limit: int = LINE) -> Iterator[tuple[int, str]]:
    """Yields (number, line) of a file without its byte order mark: UTF-8, or UTF-16 with a mark.

    Args:
        path: the file.
        limit: the size of the longest line in bytes.

    Raises:
        SourceError: if the file cannot be read, or a line is longer or not text.
    """
    with reading(path), path.open("rb") as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield from _utf_16_lines(file, path, limit)
            return
        for number, line in bounded_lines(file, path, limit):
            encoding = "utf-8-sig" if number == 1 else "utf-8"
            yield number, decode(f"{path}, line {number}", line, encoding)


def _utf_16_lines(file, path, limit):
    """Yields (number, line) of a file in UTF-16, as Excel's "Unicode text"."""
    text = io.TextIOWrapper(file, encoding="utf-16", newline="\n")
    for number in itertools.count(1):
        try:
            line = text.readline(limit + 1)
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}, line {number}: not UTF-16 text ({error})") from error
        if not line:
            return
        if len(line) > limit:
            raise SourceError(f"{path}, line {number}: more than {limit:,} bytes; {ADVICE}")
        yield number, line


def bounded_lines(file: BinaryIO, place: StrPath, limit: int = LINE) -> Iterator[tuple[int, bytes]]:
    """Yields (number, line) of a file that is open for reading bytes.

    Args:
        file: the file.
        place: what it is, for the message.
        limit: the size of the longest line in bytes.

    Raises:
        SourceError: if a line is longer.
    """
    for number in itertools.count(1):
        line = file.readline(limit + 1)
        if not line:
            return
        if len(line) > limit:
            raise SourceError(f"{place}, line {number}: more than {limit:,} bytes; {ADVICE}")
        yield number, line


def decode(place: StrPath, content: bytes, encoding: str = "utf-8") -> str:
    """Returns UTF-8 bytes as text.

    Args:
        place: where they are, for the message.
        content: the bytes.
        encoding: "utf-8", or "utf-8-sig" to drop a byte order mark.

    Raises:
        SourceError: if they are not UTF-8.
    """
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{place}: not UTF-8 text ({error}); convert the file, for example "
            "`iconv -f latin1 -t utf-8 OLD > NEW`"
        ) from error


def clean_label(place: str, label: str | int) -> str:
    """Returns a label as a string that is not empty and can be displayed.

    Joiners, which words of Persian and Hindi need, and no-break spaces are allowed.

    Args:
        place: where the label is, for the message.
        label: the label.

    Raises:
        SourceError: if the label is empty or contains characters that do not print.
    """
    label = str(label).strip()
    if not label:
        raise SourceError(f"{place}: the label is empty")
    if not is_shown(label) or not label.strip(JOINERS):
        raise SourceError(f"{place}: label {quoted(label)} contains unprintable characters")
    return label

"""Flag files: files with words of a command line."""

import io
import os
import pathlib
from collections.abc import Iterable

from nrnm_keras.errors import UsageError

_MOST_BYTES = 2**20
_FLAG = "--flagfile"


def with_flag_files_read(words: Iterable[str]) -> list[str]:
    """Returns the words of a command line, with each flag file replaced by the words in it.

    A flag file has one word per line. Lines that begin with `#` or `//` are comments. A flag file
    may include others with `--flagfile=FILE`.

    Args:
        words: list of strings.

    Raises:
        UsageError: if a file cannot be read, is not a flag file, or includes itself.
    """
    return _expand(list(words), ())


def without_flag_files(words: Iterable[str]) -> list[str]:
    """Returns the words of a command line without the names of flag files."""
    return _expand(list(words), (), read=lambda path, parents: [])


def _expand(words, parents, read=None):
    """Expands the words of a file; `parents` are the files that include it."""
    expanded = []
    while words:
        word = words.pop(0)
        if word == "--":
            return [*expanded, word, *words]
        name, is_pair, value = word.partition("=")
        if name not in (_FLAG, _FLAG[1:]):
            expanded.append(word)
            continue
        if not is_pair:
            if not words:
                raise UsageError(f"{_FLAG} has no value; expected a file")
            value = words.pop(0)
        if value.strip():
            expanded += (read or _read)(pathlib.Path(os.path.expanduser(value.strip())), parents)
    return expanded


def _read(path, parents):
    given = f"{_FLAG}={path}"
    try:
        if path.resolve() in parents:
            raise UsageError(f"{given} includes itself")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise UsageError(f"{given} cannot be read: {getattr(error, 'strerror', error)}") from error
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError(f"it is longer than {_MOST_BYTES:,} bytes")
        lines = io.StringIO(content.decode("utf-8-sig"), newline=None)
        words = [line.strip() for line in lines]
    except ValueError as error:
        reason = f"byte {error.start} is not UTF-8" if hasattr(error, "start") else error
        raise UsageError(f"{given}: expected a file of lines --name=value: {reason}") from error
    words = [word for word in words if word and not word.startswith(("#", "//"))]
    return _expand(words, (*parents, path.resolve()))

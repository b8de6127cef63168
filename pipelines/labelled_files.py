"""What data sets of a user's own files have in common: their classes, their content's hash."""

import hashlib
import re

from pipelines.errors import SourceError

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def class_names(path, labels):
    """Returns the classes of a training file: integers in the order of numbers, then the others.

    Args:
        path: the file, for the message.
        labels: iterable of the labels in it, strings.

    Raises:
        SourceError: if there is only one class.

    Example:

    >>> class_names("a.csv", ["10", "b", "9", "a", "9"])
    ['9', '10', 'a', 'b']
    """
    names = sorted(set(labels), key=_order)
    if len(names) < 2:
        raise SourceError(f"{path}: every label is {names[0]!r}; expected at least two classes")
    return names


def content_hash(files):
    """Returns 16 hexadecimal digits that stand for the splits, file types and contents.

    Args:
        files: dict from split to `pathlib.Path`.

    Raises:
        SourceError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    for split, path in files.items():
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        digest.update(f"{split} {path.suffix.lower()} {content}\n".encode())
    return digest.hexdigest()[:16]


def _order(label):
    is_integer = _INTEGER.fullmatch(label)
    return not is_integer, int(label) if is_integer else 0, label

"""What the readers of a user's own files have in common, whatever the format."""

import itertools

from pipelines.errors import SourceError
from pipelines.escaping import JOINERS, is_shown, quoted
from pipelines.file_errors import reading
from pipelines.limits import ADVICE, LINE


def read_lines(path, limit=LINE):
    """Yields (number, line) of a UTF-8 file, without a byte order mark.

    Args:
        path: a `pathlib.Path`.
        limit: integer, the size of the longest line in bytes.

    Raises:
        SourceError: if the file cannot be read, or a line is longer or not UTF-8.
    """
    with reading(path), path.open("rb") as file:
        for number, line in bounded_lines(file, path, limit):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise SourceError(f"{path}, line {number}: not UTF-8 text ({error})") from error
            yield number, text


def bounded_lines(file, place, limit=LINE):
    """Yields (number, line) of a file that is open for reading bytes.

    Args:
        file: the file.
        place: what it is, for the message.
        limit: integer, the size of the longest line in bytes.

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


def clean_label(place, label):
    """Returns a label, a string or an integer, as a string that is not empty and can be seen.

    It may have joiners, as words of Persian and Hindi need them, and spaces that do not break.

    Args:
        place: where it stands, for the message.
        label: the label.

    Raises:
        SourceError: if there is no such string.
    """
    label = str(label).strip()
    if not label:
        raise SourceError(f"{place}: the label is empty")
    if not is_shown(label) or not label.strip(JOINERS):
        raise SourceError(f"{place}: label {quoted(label)} contains characters that do not print")
    return label

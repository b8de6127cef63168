"""What the readers of a user's own files have in common, whatever the format."""

from pipelines.errors import SourceError


def read_lines(path):
    """Yields (number, line) of a UTF-8 file, without a byte order mark.

    Args:
        path: a `pathlib.Path`.

    Raises:
        SourceError: if the file cannot be read, or a line is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise SourceError(f"{path}, line {number}: not UTF-8 text ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def clean_label(place, label):
    """Returns a label, a string or an integer, as a string that is not empty and can be printed.

    Args:
        place: where it stands, for the message.
        label: the label.

    Raises:
        SourceError: if there is no such string.
    """
    label = str(label).strip()
    if not label:
        raise SourceError(f"{place}: the label is empty")
    if not label.isprintable():
        raise SourceError(f"{place}: label {label!r} contains characters that do not print")
    return label

"""Errors that users can fix."""

from pipelines.escaping import one_line


class OneLineError(ValueError):
    """An error whose message is one line of bounded length without control characters."""

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class SourceError(OneLineError):
    """Raw data that cannot be built; the message is one line that says what, where and what to do.

    Raised for anything wrong with what the user gave: a path, a file's content, an option, a
    download. The build command prints the message and ends with exit code 1.
    """

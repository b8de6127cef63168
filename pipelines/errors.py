"""The failure a user can mend."""


class SourceError(ValueError):
    """Raw data that cannot be built; the message is one line that says what, where and what to do.

    Raised for anything that is wrong with what the user gave: a path, a file's content, an option,
    a download. The build command prints the message and ends with exit code 1.
    """

"""The errors of the library."""

from pipelines.errors import OneLineError


class UsageError(OneLineError):
    """The user asked for something that cannot be done. The message is one line."""


class Stopped(Exception):
    """A command was asked to stop and has saved its work. The same command resumes it."""

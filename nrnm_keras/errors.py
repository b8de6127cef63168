"""The errors of the library."""

from pipelines.errors import OneLineError


class UsageError(OneLineError):
    """A request that cannot be fulfilled, such as a bad option. The message is one line."""


class Stopped(Exception):
    """A command was asked to stop and has saved its work. The same command resumes it."""

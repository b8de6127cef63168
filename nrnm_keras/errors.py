"""What ends a command early."""

from pipelines.errors import OneLineError


class UsageError(OneLineError):
    """Something that the user asked for and that cannot be done; the message is one line."""


class Stopped(Exception):
    """A command was asked to stop, has saved its work, and the same command goes on from there."""

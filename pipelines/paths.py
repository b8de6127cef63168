"""Paths as arguments."""

import os
from typing import TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]


def absolute(path: StrPath) -> str:
    """Returns an absolute path, in which a leading `~` is the user's home."""
    return os.path.abspath(os.path.expanduser(path))

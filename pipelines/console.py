"""Output of commands: results go to standard output; errors, warnings and progress to the other."""

import contextlib
import locale
import logging
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from absl import flags

from pipelines.errors import OneLineError
from pipelines.escaping import for_terminal, one_line, quoted
from pipelines.library_logs import is_verbose

_PACKAGES = ("nrnm_keras", "pipelines")
_UTF8 = ("utf-8", "utf8")
_ABSL = "absl"  # the logger that TFDS and Keras use, too
_OURS = tuple(f"{pathlib.Path(__file__).parents[1] / name}{os.sep}" for name in _PACKAGES)


def say(text: object = "", file: TextIO | None = None) -> None:
    """Prints lines and flushes; escapes what would control the terminal."""
    print(for_terminal(text, kept="\n"), file=file, flush=True)


def say_error(message: object, kind: str = "error") -> None:
    """Prints one line of bounded length on standard error."""
    say(f"{kind}: {one_line(message)}", file=sys.stderr)


# Errors that a user can fix, except for some of the operating system's: see `words_for`.
USER_ERRORS = (OneLineError, flags.Error, UnicodeEncodeError, OSError)


def words_for(error: Exception) -> str:
    """Returns the message for an error of `USER_ERRORS`; raises it if no user can fix it."""
    if isinstance(error, OSError):
        if error.filename is None:
            raise error
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, UnicodeEncodeError):
        if error.reason != "surrogates not allowed":
            raise error
        return f"{quoted(error.object)} is not UTF-8, which TensorFlow requires of paths"
    return str(error)


@contextlib.contextmanager
def command_output() -> Iterator[None]:
    """Sets up the process's output as commands need it.

    A character that the encoding of standard output lacks is escaped as Python does, and is not an
    error. Warnings of this project take one line each. Text files are written in UTF-8 in any
    locale: Keras writes vocabularies in the locale's encoding.
    """
    streams: list[Any] = [s for s in (sys.stdout, sys.stderr) if hasattr(s, "reconfigure")]
    errors = [stream.errors for stream in streams]
    handler = _Warnings(logging.WARNING)
    names = _PACKAGES if is_verbose() else (*_PACKAGES, _ABSL)
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    locale_before = locale.setlocale(locale.LC_CTYPE)
    if locale.getpreferredencoding(False).lower() not in _UTF8:
        with contextlib.suppress(locale.Error):  # not every system has it
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, locale_before)
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        for stream, old in zip(streams, errors, strict=True):
            stream.reconfigure(errors=old)


class _Warnings(logging.Handler):
    """Prints warnings of this project, and errors of any library, each once."""

    def __init__(self, level):
        super().__init__(level)
        self._printed = set()

    def filter(self, record):
        is_ours = record.name != _ABSL or record.pathname.startswith(_OURS)
        return is_ours or record.levelno >= logging.ERROR

    def emit(self, record):
        message = record.getMessage()
        if message not in self._printed:
            self._printed.add(message)
            say_error(message, record.levelname.lower())

"""What commands say: results on standard output, errors, warnings and progress on the other."""

import contextlib
import locale
import logging
import os
import pathlib
import sys

from absl import flags

from pipelines.errors import SourceError
from pipelines.escaping import for_terminal, one_line, quoted
from pipelines.library_logs import is_verbose

_PACKAGES = ("nrnm_keras", "pipelines")
_UTF8 = ("utf-8", "utf8")
_ABSL = "absl"  # the logger in which TFDS and Keras warn, too
_OURS = tuple(f"{pathlib.Path(__file__).parents[1] / name}{os.sep}" for name in _PACKAGES)


def say(text="", file=None):
    """Prints lines, in which no words of others steer the terminal; whole at once."""
    print(for_terminal(text, kept="\n"), file=file, flush=True)


def say_error(message, kind="error"):
    """Prints one line of bounded length on standard error."""
    say(f"{kind}: {one_line(message)}", file=sys.stderr)


# What a user can mend, but for some of the system's errors: see `words_for`.
MENDABLE = (SourceError, flags.Error, UnicodeEncodeError, OSError)


def words_for(error):
    """Returns what a command says of a mendable error; raises the error if it is none after all."""
    if isinstance(error, OSError):
        if error.filename is None:
            raise error
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, UnicodeEncodeError):
        if error.reason != "surrogates not allowed":
            raise error
        return f"{quoted(error.object)} is not UTF-8, and TensorFlow takes no other names"
    return str(error)


@contextlib.contextmanager
def command_output():
    """In this context the process writes as commands do.

    Whatever the encoding of standard output, no character is an error: those that it lacks are
    written as Python writes them. Warnings of this project are one line each. Files are in UTF-8
    even where the locale is another: Keras writes vocabularies in its encoding.
    """
    streams = [s for s in (sys.stdout, sys.stderr) if hasattr(s, "reconfigure")]
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
    """Prints warnings of this project, and errors of whoever logs them."""

    def filter(self, record):
        is_ours = record.name != _ABSL or record.pathname.startswith(_OURS)
        return is_ours or record.levelno >= logging.ERROR

    def emit(self, record):
        say_error(record.getMessage(), record.levelname.lower())

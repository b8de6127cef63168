"""Hides the libraries' logs in commands, unless `--verbose` is given.

Errors stay visible: those that Python libraries log or raise, and what TensorFlow's C++ code prints
before it aborts the process. In a program that only imports the packages, nothing is hidden.
"""

import contextlib
import io
import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from absl import flags

# Set for a command's child processes, too: "1" if they may log everything, "0" if not.
_VERBOSE = "NRNM_VERBOSE"
_PACKAGES = ("nrnm_keras", "pipelines")
_SCRIPTS = "nrnm-"  # how the names of the console scripts begin
_TRUE = ("", "1", "t", "true", "y", "yes")
_FINE = b"\0"
# The marks of information and warnings in C++ logs, and two lines of TensorFlow without a mark.
_REMARK = re.compile(
    rb"[IW]\d{4} |WARNING: All log messages before|To enable the following instructions"
)


def define_verbose(values: "flags.FlagValues") -> None:
    """Defines the flag `--verbose`, which `hide_in_commands` has read by then."""
    from absl import flags  # not needed by the processes that read files

    text = "show the logs of TensorFlow and other libraries, too"
    flags.DEFINE_boolean("verbose", False, text, flag_values=values)


def is_verbose() -> bool:
    """Whether this process shows all logs."""
    return os.environ.get(_VERBOSE) == "1"


def hide_in_commands() -> None:
    """Hides the libraries' logs if this process runs a command. Call it before they log.

    TensorFlow's log level and Python's warnings stay as they are if the user has set them.
    """
    if _VERBOSE not in os.environ:
        if not is_command():
            return
        os.environ[_VERBOSE] = str(int(_wants_all(sys.argv[1:])))
    if is_verbose():
        return
    # From here on TensorFlow logs only what ends the process: any other error is raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in (None, "absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def is_command() -> bool:
    """Whether Python imports these packages to run one of their commands.

    `python -m MODULE` has `-m` as argv[0] until the module runs; a console script has its name.
    """
    program = getattr(sys, "argv", [""])[:1]
    if program != ["-m"]:
        return bool(program) and os.path.basename(program[0]).startswith(_SCRIPTS)
    module = sys.orig_argv[len(sys.orig_argv) - len(sys.argv)].removeprefix("-m")
    return module.partition(".")[0] in _PACKAGES


def import_tensorflow() -> None:
    """Imports TensorFlow and hides, if wanted, what it logs before its log level takes effect."""
    if "tensorflow" in sys.modules or os.environ.get(_VERBOSE) != "0":
        return
    with _stderr_held_back():
        import tensorflow  # noqa: F401
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextlib.contextmanager
def tfds_quiet() -> Iterator[None]:
    """Hides TFDS's logs and what it prints on standard output, unless `--verbose` is given.

    Its progress bars are shown on a terminal only.
    """
    import absl.logging
    import tensorflow_datasets as tfds

    if is_verbose():
        yield
        return
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl.logging.set_verbosity(verbosity)


def _wants_all(arguments):
    """Returns the value of `--verbose` on a command line or in its flag files."""
    from absl import flags

    with contextlib.suppress(flags.Error, OSError, UnicodeError):  # the command will report it
        arguments = flags.FlagValues().read_flags_from_files(arguments, force_gnu=True)
    wanted = False
    for word in arguments:
        name, _, value = word.partition("=")
        if name in ("--verbose", "-verbose"):
            wanted = value.lower() in _TRUE
        elif name in ("--noverbose", "-noverbose"):
            wanted = False
    return wanted


@contextlib.contextmanager
def _stderr_held_back():
    """Holds back what the process writes to standard error.

    If the block raises or the process dies in it, the text appears without information and warning
    lines. A second process keeps the text, so that it survives the first.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # closed
        yield
        return
    if not hasattr(os, "fork"):
        os.close(stderr)
        yield
        return
    reading, writing = os.pipe()
    keeper = os.fork()
    if not keeper:
        _keep(reading, writing, stderr)
    os.close(reading)
    sys.stderr.flush()
    os.dup2(writing, 2)
    os.close(writing)
    is_fine = False
    try:
        yield
        is_fine = True
    except KeyboardInterrupt:
        is_fine = True
        raise
    finally:
        if is_fine:
            os.write(2, _FINE)
        os.dup2(stderr, 2)
        os.close(stderr)
        if is_fine:
            os.waitpid(keeper, 0)


def _keep(reading, writing, stderr):
    """Keeps what comes through a pipe and prints it unless all ends well; never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(writing)
        kept = b""
        while _FINE not in kept and (some := os.read(reading, 2**16)):
            kept += some
        if _FINE not in kept:
            lines = kept.splitlines(keepends=True)
            os.write(stderr, b"".join(line for line in lines if not _REMARK.match(line)))
    finally:
        os._exit(0)

"""What the libraries log: commands hide it, unless `--verbose` asks for it.

Errors stay: those that Python's libraries log or raise, and the last words of TensorFlow's C++ code
before it aborts the process. In a program that only imports the packages nothing is hidden.
"""

import contextlib
import logging
import os
import re
import signal
import sys
import warnings

# Set for a command's child processes, too: "1" if they may say everything, "0" if not.
_VERBOSE = "NRNM_VERBOSE"
_PACKAGES = ("nrnm_keras", "pipelines")
_TRUE = ("", "1", "t", "true", "y", "yes")
_FINE = b"\0"
# How C++ code marks remarks and warnings, and two lines of TensorFlow's that have no mark.
_REMARK = re.compile(
    rb"[IW]\d{4} |WARNING: All log messages before|To enable the following instructions"
)


def define_verbose(values):
    """Defines the flag in an absl `FlagValues`; `hide_in_commands` has read it by then."""
    text = "show what TensorFlow and other libraries log, too"
    from absl import flags  # not needed where files are read in other processes

    flags.DEFINE_boolean("verbose", False, text, flag_values=values)


def is_verbose():
    """Whether this process is to show everything."""
    return os.environ.get(_VERBOSE) == "1"


def hide_in_commands():
    """Hides what libraries log if this process runs a command; to be called before they do.

    Where users have set TensorFlow's log level or Python's warnings themselves, it stays so.
    """
    if _VERBOSE not in os.environ:
        if not _is_command():
            return
        os.environ[_VERBOSE] = str(int(_wants_all(sys.argv[1:])))
    if is_verbose():
        return
    # From here on TensorFlow logs what ends the process, no more: any other error is raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in (None, "absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def import_tensorflow():
    """Imports TensorFlow, which logs before its level counts; what it says may be hidden."""
    if "tensorflow" in sys.modules or os.environ.get(_VERBOSE) != "0":
        return
    with _stderr_held_back():
        import tensorflow  # noqa: F401
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _is_command():
    """Whether Python runs a module of these packages: while it imports them, argv[0] is -m."""
    if getattr(sys, "argv", [])[:1] != ["-m"]:
        return False
    module = sys.orig_argv[len(sys.orig_argv) - len(sys.argv)].removeprefix("-m")
    return module.partition(".")[0] in _PACKAGES


def _wants_all(arguments):
    """Returns the value of `--verbose` on a command line or in its flag files."""
    from absl import flags

    with contextlib.suppress(flags.Error, OSError, UnicodeError):  # the command will tell
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

    It appears, without mere remarks, if the block raises or the process dies in it: another process
    has it in keeping.
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
    """Keeps what comes through a pipe, and hands it out if it does not end well; never returns."""
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

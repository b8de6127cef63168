"""The shell of this package's commands: flags, exit codes, one line for each user error."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from absl import flags

from pipelines.console import USER_ERRORS, command_output, say_error, words_for
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.library_logs import define_verbose

_SECONDS_TO_REPEAT = 0.1


def run_command(
    run: Callable[[list[str]], int],
    arguments: Sequence[str] | None = None,
    interrupted: str = "nothing was written",
    hides_gpus: bool = True,
) -> int:
    """Runs a command and returns its exit code: 1 after a user error, 130 after Ctrl-C.

    Args:
        run: function of the command line's words that returns the exit code.
        arguments: the words. Default: those of the process.
        interrupted: what the command says after Ctrl-C, unless the interruption has a message.
        hides_gpus: whether to hide the GPUs, so that TensorFlow does not reserve their memory.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if hides_gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with command_output(), _interrupts_kept():
        try:
            return run(words)
        except USER_ERRORS as error:
            say_error(words_for(error))
            return 1
        except KeyboardInterrupt as error:
            say_error(str(error) or interrupted, "interrupted")
            return 130


@contextlib.contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Within this context, a Ctrl-C is not lost where Python drops exceptions.

    That is in destructors and in callbacks of the garbage collector.
    """
    report = sys.unraisablehook
    main_thread: Any = threading.main_thread().ident

    def interrupt() -> None:
        signal.pthread_kill(main_thread, signal.SIGINT)

    def repeat_interrupt(dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            # Not now: an exception in this function would be dropped, too.
            threading.Timer(_SECONDS_TO_REPEAT, interrupt).start()
        else:
            report(dropped)

    sys.unraisablehook = repeat_interrupt
    try:
        yield
    finally:
        sys.unraisablehook = report


def new_flags() -> flags.FlagValues:
    """Returns flag values, apart from absl's global ones, with the flags of every command."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)
    define_verbose(values)
    return values


def parse_flags(
    values: flags.FlagValues, arguments: Sequence[str], hidden: Collection[str] = ()
) -> list[str]:
    """Sets flags from the words of a command line and returns the words that are not flags.

    Args:
        values: the flags.
        arguments: the words.
        hidden: names of flags that error messages do not mention, such as former names.

    Raises:
        SourceError: naming an unknown flag and the flags that exist.
        absl.flags.Error: for a value that a flag does not allow.
    """
    try:
        return values(["", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        known = ", ".join(
            f"--{name}" for name in sorted(values) if name not in ("h", "help", *hidden)
        )
        raise SourceError(f"unknown flag --{error.flagname}; allowed: {known}") from error


def refuse_words(words: Sequence[str]) -> None:
    """Raises a `SourceError` if there are words on the command line that are not flags."""
    if words:
        raise SourceError(f"unexpected argument {quoted(words[0])}; flags are written --name=value")

"""The shell of this package's commands: flags, exit codes, one line for each user error."""

import os
import sys
from collections.abc import Callable, Collection, Sequence

from absl import flags

from pipelines.console import USER_ERRORS, command_output, say_error, words_for
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.library_logs import define_verbose


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
    with command_output():
        try:
            return run(words)
        except USER_ERRORS as error:
            say_error(words_for(error))
            return 1
        except KeyboardInterrupt as error:
            say_error(str(error) or interrupted, "interrupted")
            return 130


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

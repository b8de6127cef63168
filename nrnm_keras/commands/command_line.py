"""What the commands share: flags from the command line, and one-line errors for user mistakes."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence

from absl import flags

from nrnm_keras.commands.flag_files import with_flag_files_read
from nrnm_keras.errors import Stopped, UsageError
from pipelines import command_line, limits
from pipelines.console import say
from pipelines.escaping import is_utf8
from pipelines.library_logs import define_verbose

# Stopped, and can be resumed. Schedulers read it as "try again later" (EX_TEMPFAIL, sysexits.h).
EXIT_STOPPED = 75


def run_command(
    run: Callable[[flags.FlagValues, list[str]], None],
    values: flags.FlagValues,
    usage: str,
    arguments: Sequence[str] | None = None,
    help_text: Callable[[], str] | None = None,
) -> int:
    """Parses the command line, runs, and returns the exit code.

    Args:
        run: function of the flag values and the list of words.
        values: absl `FlagValues` of the command, not yet parsed.
        usage: one line, shown above the flags by `--help`.
        arguments: list of words. Default: the process's.
        help_text: function that returns what `--help` shows below the usage, once the command line
            is parsed. Default: all flags.
    """
    define_verbose(values)
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)

    def run_words(words: list[str]) -> int:
        try:
            parse_flags(values, words)
            if values.help:
                say(f"usage: {usage}\n{help_text() if help_text else values.get_help()}")
            else:
                run(values, words)
        except Stopped as error:
            say(error, file=sys.stderr)
            return EXIT_STOPPED
        return 0

    interrupted = "no incomplete output looks finished"
    return command_line.run_command(run_words, arguments, interrupted, hides_gpus=False)


def check_output_flag(name: str, path: str | os.PathLike) -> None:
    """Checks whether TensorFlow can write to a path.

    Raises:
        UsageError: if the path is not UTF-8.
    """
    if not is_utf8(path):
        raise UsageError(f"--{name}={path} is not UTF-8, which TensorFlow requires of paths")


def define_source_limit(values: flags.FlagValues) -> None:
    """Defines the flag that bounds how much of a user's file is read at once."""
    flags.DEFINE_integer(
        limits.OPTION,
        0,
        "largest review, text, skeleton file, line, or arrays of an .npz file to read, in MB; 0: a "
        "suitable limit for each",
        lower_bound=0,
        flag_values=values,
    )


def parse_flags(values: flags.FlagValues, arguments: Iterable[str]) -> flags.FlagValues:
    """Sets flag values from the words of a command line. The last value of a repeated flag counts.

    `--flagfile=FILE` stands for the flags in the file.

    Raises:
        UsageError: for an unknown flag, a value that is not allowed, or a flag file that cannot be
            read.
        SourceError: for a word that is not a flag.
    """
    values.set_gnu_getopt(True)
    try:
        rest = values(["", *with_flag_files_read(arguments)])[1:]
    except flags.Error as error:
        raise UsageError(str(error)) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"a --flagfile is not UTF-8 text ({error})") from error
    command_line.refuse_words(rest)
    return values

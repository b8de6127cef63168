"""Draws plots that explain a prediction: `python -m nrnm_keras.visualize --run=RUN`."""

import itertools
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from nrnm_keras.commands.command_line import define_source_limit, run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.find_run import find_run
from nrnm_keras.visualize.output_folder import check_output
from pipelines.console import say
from pipelines.escaping import for_terminal
from pipelines.limits import LINE, in_bytes, read_file
from pipelines.ntu_rgbd.examples import BODIES

_USAGE = (
    "python -m nrnm_keras.visualize --run=RUN [--beside=RUN] --output=FOLDER "
    "(--text=TEXT | --input=FILE [--index=N])"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    return run_command(_run, _define_flags(), _USAGE, arguments)


def _define_flags():
    values = flags.FlagValues()
    for name, text in (
        ("run", "folder of a finished run, or its model.keras"),
        ("beside", "another run to compare the gradients with, such as an LSTM's"),
        ("output", "a new or empty folder for the plots"),
        ("text", "a text, or the string of a model that reads characters"),
        (
            "input",
            "a text (.txt), texts (.csv, .tsv, .jsonl or .json), skeletons (.skeleton, NW-UCLA's "
            ".json, or .npz), or sequences or token ids (.npz or .ts)",
        ),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_alias("model", "run", values)
    flags.DEFINE_integer(
        "index", 0, "index of the input in the file, from 0", lower_bound=0, flag_values=values
    )
    flags.DEFINE_enum(
        "ntu_bodies", "tracked", list(BODIES), "use the value of the training", flag_values=values
    )
    define_source_limit(values)
    return values


def _run(flags, arguments):
    _check_flags(flags)
    folder = pathlib.Path(flags.output).expanduser()
    check_output(folder)
    runs = [find_run(run) for run in (flags.run, flags.beside) if run]
    import_keras()
    from nrnm_keras.inference.pictures.drawing import check_environment
    from nrnm_keras.inference.trained_model import TrainedModel
    from nrnm_keras.visualize.visualizing import visualize

    check_environment()
    trained = TrainedModel.load(runs[0])
    value = _read(flags, trained)
    beside = TrainedModel.load(runs[1]) if flags.beside else None
    drawn = visualize(trained, value, folder, beside, (flags.run, flags.beside), arguments)
    if drawn.is_repeat:
        say(f"{folder}: drawn by another process in the meantime")
    for reason in drawn.left_out:
        say(reason)
    for path in drawn.paths:
        say(for_terminal(path))


def _check_flags(flags):
    if not flags.run:
        raise UsageError("no --run given; expected the folder of a finished run")
    if (flags.text is None) == (flags.input is None):
        raise UsageError("expected exactly one of --text and --input")
    if flags.input == "":
        raise UsageError("--input is empty; expected a file")
    if not flags.output:
        raise UsageError("no --output given; expected a folder for the plots")


def _read(flags, trained):
    """Returns the raw input that the flags name."""
    inputs = _inputs(flags, trained)
    if flags.index >= inputs.count:
        raise UsageError(f"--index={flags.index}; expected an index from 0 to {inputs.count - 1}")
    _, value = next(itertools.islice(inputs.read(), flags.index, None))
    return value


def _inputs(flags, trained):
    from nrnm_keras.inference.raw_inputs import one_text, read_inputs

    if flags.text is not None:
        return one_text(flags.text, trained)
    limit = in_bytes(flags.source_limit_mb, None)
    if not flags.input.lower().endswith(".txt"):
        return read_inputs(flags.input, trained, flags.ntu_bodies, limit)
    try:
        content = read_file(pathlib.Path(flags.input).expanduser(), limit or LINE)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"--input={flags.input}: not UTF-8 text ({error})") from error
    if not text.strip():
        raise UsageError(f"--input={flags.input} has no words; expected a text")
    return one_text(text, trained)


if __name__ == "__main__":
    sys.exit(main())

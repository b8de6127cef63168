"""Predicts with a trained model: `python -m nrnm_keras.predict --run=RUN --text=...`."""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import flags
from tqdm.auto import tqdm

from nrnm_keras.commands.command_line import define_source_limit, run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.find_run import find_run
from nrnm_keras.predict.results import FORMATS, check_output
from pipelines.console import say
from pipelines.escaping import for_terminal
from pipelines.limits import LINE, in_bytes
from pipelines.ntu_rgbd.examples import BODIES
from pipelines.user_files import bounded_lines

_USAGE = (
    "python -m nrnm_keras.predict --run=RUN "
    "(--text=TEXT | --input=PATH [--output=FILE] | --skeleton=FILE.skeleton | --stream)"
)
_COLUMNS = ("text_column", "label_column", "id_column", "time_column")
_SOURCES = ("text", "input", "skeleton", "stream")

# What a shell reports of a command that has written to a closed pipe: 128 + SIGPIPE.
EXIT_CLOSED_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    try:
        code = run_command(_run, _define_flags(), _USAGE, arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe. Python flushes stdout again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_CLOSED_PIPE


def _define_flags():
    values = flags.FlagValues()
    for name, text in (
        ("run", "folder of a finished run, or its model.keras"),
        ("text", "a text, or the string of a model that reads characters"),
        ("skeleton", "a .skeleton file of NTU RGB+D to classify"),
        (
            "input",
            "texts: .csv, .tsv, .jsonl or .json with a column text; pairs of texts: the same "
            "types, with columns first and second; sequences: .npz, .ts, .csv, .tsv, .txt or "
            ".parquet, as for training; token ids: .npz or .ts; "
            "skeletons: .skeleton, NW-UCLA's .json, or a folder of them; or .npz",
        ),
        ("output", "file for the results of --input, .csv or .jsonl; default: print them"),
        ("text_column", "column of the texts of --input; default: text, or another usual name"),
        ("label_column", "column of labels in --input, which the results keep"),
        ("id_column", "column of --input: to which sequence a row belongs; default: a usual name"),
        ("time_column", "column of --input: the time of a row; default: a usual name"),
        ("explain", "folder for plots of what the model's memory attended to"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_alias("model", "run", values)
    flags.DEFINE_boolean(
        "stream",
        False,
        "read standard input and print the prediction so far after each line: a piece of a text, a "
        "frame as a JSON list of bodies x joints x 3, a time step's numbers, or token ids; an "
        "empty line ends a sequence",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "format", "text", list(FORMATS), "format of printed results", flag_values=values
    )
    flags.DEFINE_enum(
        "ntu_bodies", "tracked", list(BODIES), "use the value of the training", flag_values=values
    )
    flags.DEFINE_integer("batch_size", 32, "inputs in a batch", lower_bound=1, flag_values=values)
    define_source_limit(values)
    return values


def _run(flags, arguments):
    _check(flags)
    output = pathlib.Path(flags.output).expanduser() if flags.output else None
    if output:
        check_output(output, flags.input)
    run = find_run(flags.run)
    import_keras()
    from nrnm_keras.inference.trained_model import TrainedModel

    _check_backend()
    trained = TrainedModel.load(run)
    if flags.stream:
        _stream(flags, trained)
        return
    inputs = _inputs(flags, trained)
    if flags.explain and inputs.count != 1:
        raise UsageError(f"--explain={flags.explain} needs one input; there are {inputs.count:,}")
    if output:
        _write(flags, trained, inputs, output)
    else:
        _print(flags, trained, inputs)
    if flags.explain:
        _explain(flags, trained, inputs)


def _check(flags):
    """Raises a `UsageError` for flags that cannot be used together."""
    if not flags.run:
        raise UsageError("no --run given; expected the folder of a finished run")
    given = [name for name in _SOURCES if getattr(flags, name) not in (None, False)]
    if len(given) != 1:
        raise UsageError("expected exactly one of --text, --input, --skeleton and --stream")
    empty = [name for name, value in flags.flag_values_dict().items() if value == ""]
    if empty:
        raise UsageError(f"--{empty[0]} is empty; expected a value")
    if flags.output is not None and flags.input is None:
        raise UsageError("--output is for --input only")
    if flags.input is None and (columns := [x for x in _COLUMNS if getattr(flags, x) is not None]):
        raise UsageError(f"--{columns[0]} is for --input only")
    if flags.explain is not None and flags.stream:
        raise UsageError("--explain is for --text, --input or --skeleton, not for --stream")


def _check_backend():
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UsageError("predicting needs KERAS_BACKEND=tensorflow, even if JAX trained the model")


def _inputs(flags, trained):
    from nrnm_keras.inference.raw_inputs import one_text, read_inputs

    if flags.text is not None:
        return one_text(flags.text, trained)
    if flags.skeleton is not None and not flags.skeleton.endswith(".skeleton"):
        raise UsageError(f"--skeleton={flags.skeleton}: expected a .skeleton file of NTU RGB+D")
    path = flags.skeleton or flags.input
    limit = in_bytes(flags.source_limit_mb, None)
    columns = {name: getattr(flags, name) for name in _COLUMNS}
    return read_inputs(path, trained, flags.ntu_bodies, limit, columns)


def _write(flags, trained, inputs, output):
    """Writes the results to a file, with a progress bar on a terminal."""
    from nrnm_keras.predict.files import predict_file

    noun = trained.modality.plural
    with tqdm(total=inputs.count, unit=f" {noun}", disable=None) as bar:
        predict_file(trained, inputs, output, flags.batch_size, bar.update)
    say(f"{inputs.count:,} {noun}: {for_terminal(output)}")


def _print(flags, trained, inputs):
    from nrnm_keras.inference.batches import predict_each

    naming = inputs.naming if flags.input else None
    columns = inputs.other_columns
    results = FORMATS[flags.format](sys.stdout, trained.output, naming, columns)
    predicted = predict_each(trained, inputs.read(), flags.batch_size)
    for (name, row), others in zip(predicted, inputs.read_others(), strict=False):
        results.write(name, row, others)


def _stream(flags, trained):
    """Prints the prediction so far after each line of input; an empty line after an empty line."""
    from nrnm_keras.predict.live import follow

    results = FORMATS[flags.format](sys.stdout, trained.output)
    limit = in_bytes(flags.source_limit_mb, LINE)
    lines = (line for _, line in bounded_lines(sys.stdin.buffer, "standard input", limit))
    for row in follow(trained, lines):
        if row is None:
            say()
        else:
            results.write(None, row)
        sys.stdout.flush()


def _explain(flags, trained, inputs):
    # Imported only here, so that other uses need no matplotlib.
    from nrnm_keras.inference.pictures.drawing import explain

    ((_, value),) = inputs.read()
    folder = pathlib.Path(flags.explain).expanduser()
    pictures = explain(trained, value, folder)
    say(f"{len(pictures)} plots: {for_terminal(folder)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

"""Exports a trained model: `python -m nrnm_keras.export --model=RUN --format=onnx`."""

import contextlib
import os
import pathlib
import sys

from absl import flags

from nrnm_keras.commands.command_line import check_output_flag, run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting.check import check, read_examples
from nrnm_keras.inference.exporting.formats import FORMATS
from nrnm_keras.inference.exporting.model_card import write_model_card
from nrnm_keras.inference.report_file import leaves_out_test, read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel
from pipelines.console import say
from pipelines.escaping import for_terminal
from pipelines.locks import claimed
from pipelines.publishing import folder_made, publish

_USAGE = "python -m nrnm_keras.export --model=RUN --format=saved_model|onnx|litert|keras [flags]"


def main(arguments=None):
    """Runs the command and returns its exit code."""
    values = flags.FlagValues()

    def path(name, text):
        flags.DEFINE_string(name, None, text, flag_values=values)

    path("model", "folder of a finished run")
    flags.DEFINE_enum("format", "saved_model", list(FORMATS), "what for", flag_values=values)
    flags.DEFINE_enum(
        "quantize",
        None,
        ["int8", "float16"],
        "weights in fewer bits: litert takes both, onnx int8",
        flag_values=values,
    )
    path("output", "a new folder (default: RUN/exported/FORMAT, with the quantization behind it)")
    path("records", "the data that the result is checked on (default: the run's)")
    flags.DEFINE_integer(
        "examples", 5, "how many of them are tried", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("overwrite", False, "replace the output", flag_values=values)
    return run_command(_run, values, _USAGE, arguments)


def _run(flags, arguments):
    if not flags.model:
        raise UsageError("no --model given; expected the folder of a finished run")
    run = RunFolder(flags.model)
    if not run.is_finished:
        raise UsageError(f"--model={flags.model}: expected the folder of a finished run")
    report = read_report(run)
    output = _output(flags, run)
    _check_free(output, flags.overwrite)
    with _claimed(output, arguments) as lock:
        if lock.repeats and output.exists() and not flags.overwrite:
            say(f"{output}: exported by the process that was waited for")
            return
        _check_free(output, flags.overwrite)
        _export(flags, run, report, output)


def _export(flags, run, report, output):
    """Exports to a folder, and prints what came out."""
    trained = TrainedModel.load(run.path)
    # Who left out the test split does not look at it here either.
    split = "validation" if leaves_out_test(report) else "test"
    records = flags.records or report["data"]["records"]
    examples = read_examples(records, flags.examples, split)
    with _complete(output) as folder:
        written, missing = FORMATS[flags.format](trained, folder, flags.quantize)
        results = check(flags.format, folder, trained, written, examples, flags.quantize)
        write_model_card(folder, report, flags, trained, written, missing, results)
    for name, result in results.items():
        say(
            f"{name}: equal to the Keras model to {result['difference']:.1g}, "
            f"{result['milliseconds']:.2f} ms a call"
        )
    for name, reason in missing.items():
        say(f"no {name}: {reason}")
    say(for_terminal(output))


def _output(flags, run):
    """Returns the folder to write to."""
    name = "_".join(filter(None, (flags.format, flags.quantize)))
    output = pathlib.Path(flags.output or run / "exported" / name).expanduser()
    check_output_flag("output", output)
    return output


def _check_free(output, overwrite):
    """Finds out whether the output is a new folder, or one that may be replaced."""
    if os.path.lexists(output) and not overwrite:
        raise UsageError(f"--output={output} exists; choose a new folder, or --overwrite")
    if os.path.lexists(output) and not (output / "README.md").is_file():
        raise UsageError(f"--output={output} is no folder of an exported model; choose a new one")


@contextlib.contextmanager
def _claimed(output, arguments):
    """Waits until no other process exports there, and gives the lock that keeps others waiting."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_made(output.parent))
            lock = stack.enter_context(claimed(output, [os.getcwd(), *arguments]))
        except OSError as error:
            raise _unusable(output, error) from error
        yield lock


@contextlib.contextmanager
def _complete(output):
    """Gives a folder to write to, which gets its name when it is complete."""
    try:
        with publish(output) as partial:
            partial.mkdir()
            yield partial
    except OSError as error:
        raise _unusable(output, error) from error


def _unusable(output, error):
    return UsageError(f"--output={output} cannot be written: {error.strerror}")


if __name__ == "__main__":
    sys.exit(main())

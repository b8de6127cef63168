"""Exports a trained model: `python -m nrnm_keras.export --model=RUN --format=onnx`."""

import contextlib
import json
import os
import pathlib
import shutil
import sys

from absl import flags

from nrnm_keras.command_line import run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.exporting.check import check, read_examples
from nrnm_keras.exporting.formats import FORMATS
from nrnm_keras.exporting.model_card import write_model_card
from nrnm_keras.trained_model import TrainedModel
from nrnm_keras.training.run_folder import RunFolder

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
    report = json.loads((run / run.REPORT).read_text(encoding="utf-8"))
    output = _output(flags, run)
    trained = TrainedModel.load(run.path)
    examples = read_examples(flags.records or report["data"]["records"], flags.examples)
    with _complete(output, flags.overwrite) as folder:
        written, missing = FORMATS[flags.format](trained, folder, flags.quantize)
        results = check(flags.format, folder, trained, written, examples, flags.quantize)
        write_model_card(folder, report, flags, trained, written, missing, results)
    for name, result in results.items():
        print(
            f"{name}: equal to the Keras model to {result['difference']:.1g}, "
            f"{result['milliseconds']:.2f} ms a call"
        )
    for name, reason in missing.items():
        print(f"no {name}: {reason}")
    print(output)


def _output(flags, run):
    """Returns the folder to write to, which must be a new one unless it may be replaced."""
    name = "_".join(filter(None, (flags.format, flags.quantize)))
    output = pathlib.Path(flags.output or run / "exported" / name).expanduser()
    if output.exists() and not flags.overwrite:
        raise UsageError(f"--output={output} exists; choose a new folder, or --overwrite")
    if output.exists() and not (output / "README.md").is_file():
        raise UsageError(f"--output={output} is no folder of an exported model; choose a new one")
    return output


@contextlib.contextmanager
def _complete(output, overwrite):
    """Gives a folder to write to, which gets its name when it is complete."""
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        yield partial
        if overwrite:
            shutil.rmtree(output, ignore_errors=True)
        partial.rename(output)
    except OSError as error:
        raise UsageError(f"--output={output} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

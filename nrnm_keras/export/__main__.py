"""Exports a trained model: `python -m nrnm_keras.export --run=RUN --format=onnx`."""

import sys
from collections.abc import Sequence

from absl import flags

from nrnm_keras.commands.command_line import check_output_flag, run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.export import export
from nrnm_keras.inference.exporting.formats import find_formats
from pipelines.console import say
from pipelines.escaping import for_terminal

_USAGE = "python -m nrnm_keras.export --run=RUN --format={} [flags]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    formats = find_formats()
    quantized = {each for module in formats.values() for each in module.TOLERANCES if each}
    values = flags.FlagValues()

    def path(name, text):
        flags.DEFINE_string(name, None, text, flag_values=values)

    path("run", "folder of a finished run")
    flags.DEFINE_alias("model", "run", values)
    flags.DEFINE_enum("format", "saved_model", list(formats), "what for", flag_values=values)
    flags.DEFINE_enum(
        "quantize",
        None,
        sorted(quantized),
        "weights in fewer bits: litert takes both, onnx int8",
        flag_values=values,
    )
    path("output", "a new folder (default: RUN/exported/FORMAT, with the quantization behind it)")
    path("records", "the data that the result is checked on (default: the run's)")
    flags.DEFINE_integer(
        "examples", 5, "how many of them are tried", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("overwrite", False, "replace the output", flag_values=values)
    return run_command(_run, values, _USAGE.format("|".join(formats)), arguments)


def _run(flags, arguments):
    if not flags.run:
        raise UsageError("no --run given; expected the folder of a finished run")
    if flags.output:
        check_output_flag("output", flags.output)
    exported = export(
        flags.run,
        flags.format,
        flags.output,
        flags.quantize,
        records=flags.records,
        examples=flags.examples,
        overwrite=flags.overwrite,
        task=arguments,
    )
    if exported.is_repeat:
        say(f"{exported.folder}: exported by the process that was waited for")
        return
    for name, result in exported.results.items():
        say(
            f"{name}: equal to the Keras model to {result['difference']:.1g}, "
            f"{result['milliseconds']:.2f} ms a call"
        )
    for name, reason in exported.missing.items():
        say(f"no {name}: {reason}")
    say(for_terminal(exported.folder))


if __name__ == "__main__":
    sys.exit(main())

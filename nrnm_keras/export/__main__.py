"""Exports a trained model: `python -m nrnm_keras.export --run=RUN --format=onnx`."""

import sys
from collections.abc import Sequence

from absl import flags

from nrnm_keras.commands.command_line import check_output_flag, run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from nrnm_keras.export.checks import check_export
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
    flags.DEFINE_enum("format", "saved_model", list(formats), "format", flag_values=values)
    flags.DEFINE_enum(
        "quantize",
        None,
        sorted(quantized),
        "type of the stored weights: litert has both types, onnx has int8; default: unchanged",
        flag_values=values,
    )
    path("output", "a new folder; default: RUN/exported/FORMAT or RUN/exported/FORMAT_QUANTIZE")
    path("records", "folder of records to check the result on; default: the run's")
    flags.DEFINE_integer(
        "examples", 5, "number of records to check", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("overwrite", False, "replace the output", flag_values=values)
    return run_command(_run, values, _USAGE.format("|".join(formats)), arguments)


def _run(flags, arguments):
    if not flags.run:
        raise UsageError("no --run given; expected the folder of a finished run")
    if flags.output:
        check_output_flag("output", flags.output)
    check_export(flags.run, flags.format, flags.quantize)
    import_keras()
    from nrnm_keras.export.exporting import export

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
        say(f"{exported.folder}: exported by another process in the meantime")
        return
    for name, result in exported.results.items():
        say(
            f"{name}: differs from the Keras model by at most {result['difference']:.1g}, "
            f"{result['milliseconds']:.2f} ms per call"
        )
    for name, reason in exported.missing.items():
        say(f"no {name}: {reason}")
    say(for_terminal(exported.folder))


if __name__ == "__main__":
    sys.exit(main())

"""Measures speed and memory: `python -m nrnm_keras.benchmark`."""

import importlib
import pkgutil
import shlex
import sys
from collections.abc import Sequence

from absl import flags

from nrnm_keras.benchmark import suites, table
from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import matmul_rate
from nrnm_keras.commands.command_line import run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from pipelines.console import say
from pipelines.escaping import quoted
from pipelines.publishing import publish

_USAGE = "python -m nrnm_keras.benchmark [--suite=layer,small] [--output=FILE] [flags]"
_SUITES = [module.name for module in pkgutil.iter_modules(suites.__path__)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    values = flags.FlagValues()

    def integer(name, default, text):
        flags.DEFINE_integer(name, default, text, lower_bound=1, flag_values=values)

    suite_help = f"what to measure: all, or some of {', '.join(_SUITES)}"
    flags.DEFINE_list("suite", "layer", suite_help, flag_values=values)
    flags.DEFINE_string("output", None, "Markdown file for the tables", flag_values=values)
    flags.DEFINE_list("units", "256,512", "widths of the suite layer", flag_values=values)
    integer("batch_size", 32, "sequences in a batch of the suite layer")
    integer("timesteps", 100, "steps of its sequences")
    integer("features", 150, "features of its steps")
    integer("repeats", 15, "timed runs of each function, in turn; the median is reported")
    return run_command(_run, values, _USAGE, arguments)


def _run(values, arguments):
    names = _names(values.suite)
    units = _units(values.units)
    _check_backend()
    rate = matmul_rate(values.repeats)
    shape = values.batch_size, values.timesteps, values.features
    options = Options(units, shape, values.repeats, rate)
    machine = f"{table.machine()}; {rate / 1e9:.0f} G multiply-adds per second in a large matmul"
    say(f"{machine}\nratio: to the first row of a group; of rate: share of the matmul rate")
    tables = [_measure(name, options) for name in names]
    if values.output:
        words = ["python", "-m", "nrnm_keras.benchmark", *arguments]
        page = table.markdown(tables, machine, shlex.join(words))
        with publish(values.output) as path:
            path.write_text(page, encoding="utf-8")


def _measure(name, options):
    """Measures a suite, row by row; returns its title and its rows."""
    suite = importlib.import_module(f"{suites.__name__}.{name}")
    say(f"\n{suite.TITLE}\n{table.head()}")
    rows = []
    for row in suite.rows(options):
        say(table.line(row))
        rows.append(row)
    return suite.TITLE, rows


def _names(given):
    if given == ["all"]:
        return _SUITES
    if not given or not set(given) <= set(_SUITES):
        raise UsageError(
            f"--suite={quoted(','.join(given))}; expected all, or some of {', '.join(_SUITES)}"
        )
    return given


def _units(given):
    try:
        units = [int(each) for each in given]
    except ValueError as error:
        expected = "expected integers, as in 256,512"
        raise UsageError(f"--units={quoted(','.join(given))}; {expected}") from error
    return units


def _check_backend():
    import_keras()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"the benchmark needs KERAS_BACKEND=tensorflow; it is {keras.backend.backend()!r}"
        )


if __name__ == "__main__":
    sys.exit(main())

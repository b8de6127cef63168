"""Trains at many flag values: `python -m nrnm_keras.sweep --flagfile=BASE --grid=units=64,128`."""

import pathlib
import shlex
import sys

from absl import flags

from nrnm_keras.command_line import run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.pictures.canvas import can_draw
from nrnm_keras.pictures.sweep import draw_sweep
from nrnm_keras.sweeping.grid import grid_points, read_grid
from nrnm_keras.sweeping.parameters import units_for
from nrnm_keras.sweeping.runs import Run, run_all
from nrnm_keras.sweeping.summary import read_published, summarize, table, write_runs
from nrnm_keras.train import find_records
from nrnm_keras.training.flags import copy_flags, define_flags

_USAGE = (
    "python -m nrnm_keras.sweep --sweep_dir=FOLDER --grid=NAME=VALUE,VALUE [--flagfile=FILE] "
    "[flags of nrnm_keras.train]"
)


def main(arguments=None):
    """Runs the command and returns its exit code."""
    return run_command(_run, _define_flags(), _USAGE, arguments)


def _define_flags():
    values = define_flags()
    flags.DEFINE_string(
        "sweep_dir", None, "folder of the runs and their summary", flag_values=values
    )
    flags.DEFINE_multi_string(
        "grid",
        [],
        "a flag of nrnm_keras.train and its values, as in block_size=4,8 or, where values have "
        "commas, nrnm_layers=;2;1,2,3; given several times, every combination is trained",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds", 1, "trainings of each combination, with seed, seed + 1, ...", 1, flag_values=values
    )
    flags.DEFINE_integer("jobs", 1, "trainings at a time", 1, flag_values=values)
    flags.DEFINE_integer(
        "parameters",
        None,
        "number of parameters that all networks are to have: units are chosen to come near it",
        1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "published",
        None,
        "CSV file of results from elsewhere (system, value, source), shown below the measured ones",
        flag_values=values,
    )
    return values


def _run(values, arguments):
    if not values.sweep_dir:
        raise UsageError("no --sweep_dir given; expected a folder for the runs and their summary")
    if not values.grid:
        raise UsageError("no --grid given; expected one such as --grid=block_size=4,8,12")
    published = _read_published(values.published)
    points = grid_points(values, read_grid(values.grid))
    # Built once, before several processes want them.
    records = {point.name: find_records(point.flags)[1] for point in points}
    if values.parameters:
        points = [_with_units(point, values.parameters, records[point.name]) for point in points]
    folder = pathlib.Path(values.sweep_dir)
    runs = [
        Run(point, seed, folder / "runs" / point.name / f"seed_{seed}")
        for point in points
        for seed in range(values.seed, values.seed + values.seeds)
    ]
    reports = run_all(runs, values.jobs)
    rows = summarize(runs, reports)
    write_runs(runs, reports, folder / "results.csv")
    text = table(rows, published, shlex.join(["python", "-m", "nrnm_keras.sweep", *arguments]))
    (folder / "results.md").write_text(text, encoding="utf-8")
    if can_draw():
        draw_sweep(rows, folder / "results.png", f"{values.task}, {values.seeds} seeds")
    print(f"\n{text}")


def _read_published(path):
    if not path:
        return []
    try:
        rows = read_published(path)
    except OSError as error:
        raise UsageError(f"--published={path} cannot be read: {error.strerror}") from error
    for row in rows:
        if missing := {"system", "value", "source"} - {name for name in row if row[name]}:
            raise UsageError(f"--published={path}: {row} has no {' and no '.join(sorted(missing))}")
    return rows


def _with_units(point, parameters, records):
    units = units_for(parameters, point.flags, records)
    print(f"{point.name}: {units} units")
    return point._replace(flags=copy_flags(point.flags, units=units))


if __name__ == "__main__":
    sys.exit(main())

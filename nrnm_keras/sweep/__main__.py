"""Trains over a grid of flags: `python -m nrnm_keras.sweep --flagfile=BASE --grid=units=64,128`."""

import os
import pathlib
import sys
from collections.abc import Sequence

from nrnm_keras.commands.command_line import check_output_flag, run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import help_text, read_config, unused_flags
from nrnm_keras.inference.task_of_file import infer_task
from nrnm_keras.plots.canvas import can_draw
from nrnm_keras.plots.sweep import draw_sweep
from nrnm_keras.sweep.flags import SWEEP_FLAGS, define_sweep_flags
from nrnm_keras.sweep.grid import check_network, grid_points, read_grid
from nrnm_keras.sweep.parameters import count_points, with_units
from nrnm_keras.sweep.published import read_published
from nrnm_keras.sweep.runs import Run, run_all
from nrnm_keras.sweep.summary import (
    parameter_table,
    summarize,
    table,
    write_parameters,
    write_runs,
)
from nrnm_keras.tasks.built_records import find_records
from pipelines.console import say
from pipelines.escaping import for_shell
from pipelines.locks import claimed_folder
from pipelines.publishing import make_folder, publish_into

_USAGE = (
    "python -m nrnm_keras.sweep --sweep_dir=FOLDER --grid=NAME=VALUE,VALUE [--flagfile=FILE] "
    "[flags of nrnm_keras.train]"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    values = define_sweep_flags()
    return run_command(_run, values, _USAGE, arguments, lambda: help_text(values, SWEEP_FLAGS))


def _run(values, arguments):
    if not values.sweep_dir:
        raise UsageError("no --sweep_dir given; expected a folder for the runs and their summary")
    check_output_flag("sweep_dir", values.sweep_dir)
    if not values.grid:
        raise UsageError("no --grid given; expected one such as --grid=block_size=4,8,12")
    infer_task(values)
    config = read_config(values)
    unused_flags(values, config, arguments)
    published = read_published(values.published, config) if values.published else []
    points = grid_points(config, read_grid(values.grid))
    import_keras()
    if not values.parameter_budget:
        for point in points:
            check_network(point)
    # Built once, before several processes need them.
    found = {point.name: _find_records(point.config) for point in points}
    if any(type(found[point.name][0]) is not type(point.config.task) for point in points):
        published = []  # The published results are for data that was not available.
    if values.parameter_budget:
        budget = values.parameter_budget
        points = [with_units(point, budget, *found[point.name]) for point in points]
    folder = sweep_folder(values.sweep_dir, config)
    command = for_shell(["python", "-m", "nrnm_keras.sweep", *arguments])
    if values.count_only:
        text = _count(points, found, folder, published, command)
    else:
        text = _train(values, points, folder, published, command)
    say(f"\n{text}")


def sweep_folder(sweep_dir: str | os.PathLike, config: TrainConfig) -> pathlib.Path:
    """Returns the folder of a sweep's results.

    Sweeps on different data, or on different splits, have separate folders in the same `sweep_dir`.

    Args:
        sweep_dir: parent of these folders.
        config: the `TrainConfig` of the sweep's trainings.
    """
    name = pathlib.PurePath(config.run_dir).name if config.run_dir else config.task.name
    return pathlib.Path(sweep_dir) / name


def _find_records(config):
    task = config.task if config.test else config.task.without_test()
    return find_records(task, config.data_dir)


def _train(values, points, folder, published, command):
    """Trains, writes the results, and returns the table."""
    runs = [
        Run(point, seed, folder / "runs" / point.name / f"seed_{seed}")
        for point in points
        for seed in range(values.seed, values.seed + values.seeds)
    ]
    reports = run_all(runs, values.jobs)
    rows = summarize(runs, reports)
    text = table(rows, published, command)
    with claimed_folder(folder), publish_into(folder) as fresh:
        write_runs(runs, reports, fresh / "results.csv")
        (fresh / "results.md").write_text(text, encoding="utf-8")
        if can_draw():
            notice = f" ({rows[0]['notice']})" if rows[0]["notice"] else ""
            draw_sweep(rows, fresh / "results.png", f"{folder.name}, seeds: {values.seeds}{notice}")
    return text


def _count(points, found, folder, published, command):
    """Builds the networks, writes their parameter counts, and returns the table."""
    rows = count_points(points, found)
    text = parameter_table(rows, published, command)
    make_folder(folder)
    with claimed_folder(folder), publish_into(folder) as fresh:
        write_parameters(rows, fresh / "parameters.csv")
        (fresh / "parameters.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    sys.exit(main())

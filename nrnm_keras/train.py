"""Trains, tests and exports: `python -m nrnm_keras.train --flagfile=configs/imdb.flags`."""

import sys

import keras
from absl import logging

from nrnm_keras.command_line import run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import TASKS
from nrnm_keras.tasks.recurrent_flags import build_backbone
from nrnm_keras.training.flags import copy_flags, define_flags, flag_lines
from nrnm_keras.training.loop import train
from nrnm_keras.training.report import create_report, summary, write_report
from nrnm_keras.training.run_folder import RunFolder
from pipelines.errors import SourceError
from pipelines.manifest import check_sizes

_USAGE = "python -m nrnm_keras.train --run_dir=FOLDER [--flagfile=FILE] [flags]"


def main(arguments=None):
    """Runs the command and returns its exit code."""
    return run_command(_run, define_flags(), _USAGE, arguments)


def _run(flags, arguments):
    command = ["python", "-m", "nrnm_keras.train", *arguments]
    _check(flags)
    if not flags.compare_with_lstm:
        folder = RunFolder(flags.run_dir, flags.overwrite)
        print(summary(_train(flags, folder, *_find_records(flags), command)))
        return
    versions = {
        name: copy_flags(flags, compare_with_lstm=False, run_dir=f"{flags.run_dir}/{name}", **more)
        for name, more in (("nrnm", {}), ("lstm", {"nrnm_layers": []}))
    }
    folders = {name: RunFolder(each.run_dir, each.overwrite) for name, each in versions.items()}
    records = _find_records(flags)
    reports = {}
    for name, each in versions.items():
        print(f"\n{name}:")
        reports[name] = _train(each, folders[name], *records, command)
    print(_comparison(reports))


def _check(flags):
    """Finds what is wrong with the flags before any work is done."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"training needs KERAS_BACKEND=tensorflow; it is {keras.backend.backend()!r}"
        )
    if not flags.run_dir:
        raise UsageError("no --run_dir given; expected a folder for the results")
    if flags.compare_with_lstm and not flags.nrnm_layers:
        raise UsageError("--compare_with_lstm needs a layer with the memory in --nrnm_layers")
    try:
        build_backbone(flags)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _find_records(flags):
    """Returns the task's class and the folder of its records, whose shards are all there."""
    task_class, path = _build_records(flags)
    check_sizes(path)
    return task_class, path


def _build_records(flags):
    """Returns the task's class and the folder of its records, which it builds if need be."""
    from pipelines.build import build

    task_class = TASKS[flags.task]
    try:
        options = {name: value for name, value in task_class.build_options(flags).items() if value}
        return task_class, build(task_class.dataset, flags.data_dir, **options)
    except SourceError as error:
        source_flag = task_class.source_flag
        if source_flag is None or flags[source_flag].value:
            raise
        lacking = f"no {task_class.dataset} records in data_dir={flags.data_dir}, and {error}"
        if flags.task != "imdb":
            raise UsageError(
                f"{lacking}; --{source_flag}=PATH says where the raw data are"
            ) from error
        if not flags.sample_when_unavailable:
            raise UsageError(
                f"{lacking}. Three ways on: --imdb_source=PATH of the aclImdb folder or its "
                "archive; a machine with network; --sample_when_unavailable to train on generated "
                "reviews"
            ) from error
        task_class = TASKS["sample_reviews"]
        logging.warning("IMDB is not available (%s): %s", error, task_class.notice)
        return task_class, build(task_class.dataset, flags.data_dir)


def _train(flags, folder, task_class, records, command):
    """Trains once, fills the run folder and returns the report."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(flags.seed)
    precision = "float32" if flags.mixed_precision == "none" else f"mixed_{flags.mixed_precision}"
    keras.config.set_dtype_policy(precision)
    task = task_class(records, flags)
    folder.create()
    with folder.complete(folder.FLAGS) as path:
        path.write_text(flag_lines(flags), encoding="utf-8")
    result = train(task, flags, folder)
    exported = task.build_exported(result.network)
    with folder.complete(folder.MODEL) as path:
        exported.save(path)
    with folder.complete(folder.SAVED_MODEL) as path:
        exported.export(path, verbose=False)
    (folder / folder.CHECKPOINT).unlink()
    report = create_report(task, flags, result, command)
    write_report(report, folder, task, result.outcome)
    return report


def _comparison(reports):
    """Returns a table of several reports."""
    lines = [f"{'':<6}{'test accuracy':>15}{'validation':>12}{'parameters':>13}{'s per epoch':>13}"]
    for name, report in reports.items():
        test = report["metrics"]["test"]
        accuracy = f"{test['accuracy']:.4f}" if test else "no test"
        lines.append(
            f"{name:<6}{accuracy:>15}"
            f"{report['metrics']['validation']['accuracy']:>12.4f}{report['parameters']:>13,}"
            f"{report['training']['seconds_per_epoch']:>13.1f}"
        )
    notice = next(iter(reports.values()))["notice"]
    return "\n".join(["", *([notice] if notice else []), *lines])


if __name__ == "__main__":
    sys.exit(main())

"""Trains, tests and exports: `python -m nrnm_keras.train --flagfile=configs/imdb.flags`."""

import contextlib
import errno
import functools
import logging
import os
import subprocess
import sys

import keras

from nrnm_keras.commands import child_process
from nrnm_keras.commands.command_line import check_output_flag, run_command
from nrnm_keras.commands.stopping import StopRequest
from nrnm_keras.data.checks import faults_named
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import TASKS, adversarial_flags
from nrnm_keras.train.finish import finish
from nrnm_keras.train.flags import copy_flags, define_flags, flag_lines
from nrnm_keras.train.loop import train
from nrnm_keras.train.pretrained import Pretrained, check_start
from nrnm_keras.train.report import leaves_out_test, summary
from nrnm_keras.train.strategy import create_replicas
from pipelines.console import say
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.manifest import check_sizes

_FINISH = (
    "import sys; from nrnm_keras.train import __main__ as train; "
    "sys.exit(train.main(is_trained=True))"
)
_USAGE = "python -m nrnm_keras.train --run_dir=FOLDER [--flagfile=FILE] [flags]"


def main(arguments=None, is_trained=False):
    """Runs the command and returns its exit code.

    Args:
        arguments: list of words. Default: the process's.
        is_trained: whether the run folder's network is trained, and one device enough for the rest;
            the process that started this one then has the lock on the folder.
    """
    return run_command(functools.partial(_run, is_trained), define_flags(), _USAGE, arguments)


def _run(is_trained, flags, arguments):
    stop = StopRequest(flags.terminate_after)
    _check(flags)
    devices = {"strategy": "one_device", "xla": "off"} if is_trained else {}
    replicas = create_replicas(copy_flags(flags, **devices))
    with replicas.naming_lost_processes():
        _run_on(replicas, flags, stop, arguments, is_trained)


def _run_on(replicas, flags, stop, arguments, is_trained):
    """Trains what is asked for, and prints the results."""
    _check_network(flags)
    versions = {"": flags}
    if flags.compare_with_lstm:
        versions = {
            name: copy_flags(flags, compare_with_lstm=False, run_dir=f"{flags.run_dir}/{name}", **x)
            for name, x in (("nrnm", {}), ("lstm", {"nrnm_layers": []}))
        }
    folders = {name: RunFolder(each.run_dir) for name, each in versions.items()}
    reports = {}
    with contextlib.ExitStack() as locks:
        if not is_trained:
            replicas.on_first(lambda: [locks.enter_context(f.locked()) for f in folders.values()])
        replicas.on_first(lambda: _check_folders(folders, versions))
        # The first process builds what is missing; the others then find it, or build their own.
        replicas.on_first(lambda: find_records(flags))
        records = find_records(flags)
        with stop:
            for name, each in versions.items():
                if name:
                    say(f"\n{name}:")
                reports[name] = _train(each, folders[name], *records, replicas, stop, arguments)
    if replicas.worker == 0:
        say(_comparison(reports) if flags.compare_with_lstm else summary(reports[""]))


def _check(flags):
    """Finds what is wrong with the flags before any work is done."""
    if not flags.run_dir:
        raise UsageError("no --run_dir given; expected a folder for the results")
    for name in ("run_dir", "data_dir"):
        check_output_flag(name, flags[name].value)
    if broken := [line for line in flag_lines(flags) if len(line.splitlines()) > 1]:
        raise UsageError(f"{quoted(broken[0])} has a line break; a flag file cannot hold it")
    if flags.compare_with_lstm and not flags.nrnm_layers:
        raise UsageError("--compare_with_lstm needs a layer with the memory in --nrnm_layers")
    asked = adversarial_flags.first_given(flags)
    if asked and not TASKS[flags.task].learns_adversarially:
        able = ", ".join(name for name, task in TASKS.items() if task.learns_adversarially)
        raise UsageError(f"{asked} goes with the tasks {able}; this one is {flags.task}")
    if flags.init_from:
        check_start(flags)


def _check_network(flags):
    """Finds out whether the flags make a network."""
    try:
        TASKS[flags.task].check_network(flags)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _check_folders(folders, versions):
    """Finds out whether there is something to do, and whether the run folders allow it."""
    for name, folder in folders.items():
        folder.check(flag_lines(versions[name]), versions[name].overwrite)
    overwrite = any(each.overwrite for each in versions.values())
    is_done = all(folder.is_finished and not folder.has_state for folder in folders.values())
    if is_done and not overwrite:
        path = next(iter(folders.values())).path
        raise UsageError(
            f"run_dir={path} holds a finished run; choose another folder, or --overwrite"
        )


def find_records(flags):
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
        if not task_class.substitute:
            raise UsageError(
                f"{lacking}; --{source_flag}=PATH says where the raw data are"
            ) from error
        if not flags.sample_when_unavailable:
            raise UsageError(
                f"{lacking}. Three ways on: --imdb_source=PATH of the aclImdb folder or its "
                "archive; a machine with network; --sample_when_unavailable to train on generated "
                "reviews"
            ) from error
        task_class = task_class.substitute
        warning = "IMDB is not available (%s): %s"
        logging.getLogger("nrnm_keras.train").warning(warning, error, task_class.notice)
        return task_class, build(task_class.dataset, flags.data_dir)


def _train(flags, folder, task_class, records, replicas, stop, arguments):
    """Trains once, or goes on, fills the run folder and returns the report."""
    (is_finished,) = replicas.agree([folder.is_finished and not flags.overwrite])
    if not is_finished:
        keras.utils.clear_session()
        keras.utils.set_random_seed(flags.seed)
        keras.config.set_dtype_policy(
            "float32" if flags.mixed_precision == "none" else f"mixed_{flags.mixed_precision}"
        )
        pretrained = Pretrained.load(flags, task_class) if flags.init_from else None
        start = {"vocabulary": pretrained.vocabulary} if pretrained else {}
        with faults_named(records):
            task = task_class(records, flags, **start)
            if not flags.test:
                task.records.leave_out_test()
            replicas.on_first(lambda: folder.create(flag_lines(flags), flags.overwrite))
            progress = train(task, flags, folder, replicas, stop, pretrained)
        replicas.on_first(lambda: _finish(task, flags, folder, progress, arguments))
    else:  # the process may have been killed just before it did this
        replicas.on_first(folder.remove_state)
    return read_report(folder)


def _finish(task, flags, folder, progress, arguments):
    """Tests and exports the best network, and reports."""
    if keras.backend.backend() == "tensorflow":
        words = ["python", "-m", "nrnm_keras.train", *arguments]
        try:
            with faults_named(task.records.path):
                finish(task, flags, folder, progress, words)
        except (UsageError, SourceError):  # of what was read
            raise
        except Exception as error:
            if not (reason := _why_not_written(error)):
                raise
            raise UsageError(
                f"run_dir={folder.path} cannot be written after the training: {reason}; once it "
                "can, the same command tests and exports what was trained"
            ) from error
        return
    # A SavedModel is TensorFlow's: the same command there finds the training done.
    command = [sys.executable, "-c", _FINISH, f"--flagfile={folder / folder.FLAGS}"]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    command.append(f"--run_dir={folder.path}")
    # It holds the lock too, so that the folder stays locked should this process be killed.
    held = [] if folder.lock.descriptor is None else [folder.lock.descriptor]
    options = {"env": environment, "stdout": subprocess.DEVNULL, "pass_fds": held}
    result = child_process.run(command, **options)
    if result.returncode:
        raise UsageError(f"the network was trained but not exported; {folder.path} holds it")


def _why_not_written(error):
    """Returns why the operating system refused to write, None if an error is another.

    TensorFlow has no class for such errors and no number in them, only the system's words.
    """
    if isinstance(error, OSError):
        return error.strerror or str(error)
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
    words = map(os.strerror, numbers)
    return next((reason for reason in words if reason in str(error)), None)


def _comparison(reports):
    """Returns a table of several reports."""
    first = next(iter(reports.values()))
    metric = first["metric"]
    test = f"test {metric.replace('_', ' ')}"
    lines = [
        f"{'':<6}{test:>{len(test) + 2}}{'validation':>12}{'parameters':>13}{'s per epoch':>13}"
    ]
    for name, report in reports.items():
        metrics = report["metrics"]
        value = "left out" if leaves_out_test(report) else "no test"
        if metrics["test"]:
            value = f"{metrics['test'][metric]:.4f}"
        lines.append(
            f"{name:<6}{value:>{len(test) + 2}}{metrics['validation'][metric]:>12.4f}"
            f"{report['parameters']:>13,}{report['training']['seconds_per_epoch']:>13.1f}"
        )
    return "\n".join(["", *([first["notice"]] if first["notice"] else []), *lines])


if __name__ == "__main__":
    sys.exit(main())

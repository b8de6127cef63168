"""Training, from a configuration to a finished run."""

import contextlib
import errno
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from nrnm_keras.commands import child_process
from nrnm_keras.commands.stopping import StopRequest
from nrnm_keras.config import SettingsConfig, TrainConfig
from nrnm_keras.data.checks import faults_named
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.tasks.built_records import find_records
from nrnm_keras.train.automatic_settings import choose_settings, print_settings
from nrnm_keras.train.compiled_network import CompiledNetwork
from nrnm_keras.train.cross_validation import cross_validate, mean_metrics
from nrnm_keras.train.data_in_memory import with_data
from nrnm_keras.train.data_warnings import data_warnings
from nrnm_keras.train.finish import Preliminaries, finish
from nrnm_keras.train.late_test import add_test
from nrnm_keras.train.loop import run_training
from nrnm_keras.train.pretrained import Pretrained
from nrnm_keras.train.run_checks import check_run
from nrnm_keras.train.strategy import create_replicas
from pipelines.console import say
from pipelines.errors import SourceError

_FINISH = (
    "import sys; from nrnm_keras.train import __main__ as train; "
    "sys.exit(train.main(is_trained=True))"
)


class FinishedRun(NamedTuple):
    """A finished training.

    Attributes:
        folder: the run's folder, a `pathlib.Path`.
        report: the content of its `report.json`, a dictionary.
        is_chief: whether this process was the chief, worker 0 of a distributed training.
    """

    folder: pathlib.Path
    report: dict[str, Any]
    is_chief: bool = True

    @property
    def model(self) -> TrainedModel:
        """The trained model, loaded from the folder."""
        return TrainedModel.load(self.folder)


def train(
    config: TrainConfig,
    train_data: tuple | None = None,
    validation_data: tuple | None = None,
    test_data: tuple | None = None,
) -> FinishedRun:
    """Trains, tests and exports a model, as the command `python -m nrnm_keras.train` does.

    A training that was stopped resumes when `train` is called again with the same configuration.

    Args:
        config: the `TrainConfig`; its `run_dir` gets the results.
        train_data: pair of examples and labels, for a task on your own data whose examples are in
            memory: texts (list of strings); sequences (`(batch, timesteps, features)`, padded
            with steps of NaN, or a list of arrays `(timesteps, features)`); or skeletons, joints in
            meters (`(batch, frames, bodies, joints, 3)`, padded with frames of NaN, or a list of
            arrays `(frames, bodies, joints, 3)`; `bodies` may be left out if there is one). Labels
            are integers or strings, one for each example; numbers for `SequenceRegressionTask`.
            They are kept in the run's folder.
            Default: the files that the task names.
        validation_data: the same to validate on. Default: a part of the training data.
        test_data: the same to test on. Default: no test.

    Returns:
        A `FinishedRun`.

    Raises:
        UsageError: if the configuration, the data or the folder cannot be used.
        SourceError: if raw data cannot be read.
        Stopped: on SIGTERM and SIGHUP, after a checkpoint is saved.

    Example:

    >>> import tempfile
    >>> from nrnm_keras.train import NetworkConfig, TextTask, TrainConfig, train
    >>> config = TrainConfig(
    ...     task=TextTask(embedding_size=8, settings="fixed"),
    ...     network=NetworkConfig(units=8, num_layers=1, nrnm_layers=[1]),
    ...     run_dir=tempfile.mkdtemp(),
    ...     epochs=1,
    ... )
    >>> texts = [f"{['a fine', 'a dull'][i % 2]} film, number {i}" for i in range(200)]
    >>> run = train(config, (texts, ["good", "bad"] * 100))  # doctest: +ELLIPSIS
    Epoch 1/1
    ...
    >>> run.model.class_names
    ['bad', 'good']
    """
    config = with_data(config, train_data, validation_data, test_data)
    return run_trainings({"": config})[""]


def run_trainings(
    configs: dict[str, TrainConfig], command: Sequence[str] | None = None, is_trained: bool = False
) -> dict[str, FinishedRun]:
    """Runs trainings on the same data, one after the other.

    Args:
        configs: dictionary from a title, or `""` for none, to a `TrainConfig`.
        command: list of words, the command line to report. Default: one that runs the same
            training.
        is_trained: whether the networks are already trained. Then one device is enough, and the
            process that started this one holds the folder's lock.

    Returns:
        Dictionary from the same titles to `FinishedRun`s.
    """
    config = next(iter(configs.values()))
    stop = StopRequest(config.time_limit)
    for each in configs.values():
        check_run(each)
    devices = config.devices
    if is_trained:
        devices = devices.replace(strategy="one_device", xla="off")
    replicas = create_replicas(devices, config.batch_size)
    with replicas.naming_lost_processes(), _settings_kept():
        for each in configs.values():
            _check_network(each)
        return _run(configs, command, replicas, stop, is_trained)


def _run(configs, command, replicas, stop, is_trained):
    folders = {title: RunFolder(config.run_dir) for title, config in configs.items()}
    config, runs = next(iter(configs.values())), {}
    with contextlib.ExitStack() as locks:
        if not is_trained:
            replicas.on_chief(lambda: [locks.enter_context(f.locked()) for f in folders.values()])
        replicas.on_chief(lambda: _check_folders(folders, configs))
        task = config.task if config.test else config.task.without_test()
        # The chief builds missing records. The other processes then find them, or build their own.
        replicas.on_chief(lambda: find_records(task, config.data_dir))
        task, records = find_records(task, config.data_dir)
        with stop:
            for title, each in configs.items():
                if title:
                    say(f"\n{title}:")
                words = command or _command_of(each)
                with faults_named(records):
                    each, settings = choose_settings(each, task, records, folders[title], replicas)
                own_task = _with_options(task, each)
                _train(each, folders[title], own_task, records, replicas, stop, words, settings)
                report, is_chief = read_report(folders[title]), replicas.worker == 0
                runs[title] = FinishedRun(folders[title].path, report, is_chief)
    return runs


def _with_options(task, config):
    """Returns the task that was found, with the options that were chosen from its data."""
    if type(task) is not type(config.task):  # a substitute, which has no such options
        return task
    return config.task if config.test else config.task.without_test()


@contextlib.contextmanager
def _settings_kept():
    """Restores Keras's dtype policy when the context ends."""
    policy = keras.config.dtype_policy()
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def _command_of(config):
    flags = pathlib.Path(config.run_dir) / RunFolder.FLAGS
    return [
        *("python", "-m", "nrnm_keras.train"),
        *(f"--flagfile={flags}", f"--run_dir={config.run_dir}"),
    ]


def _check_network(config):
    """Raises a `UsageError` if the options do not make a network."""
    try:
        config.task.check_network(config.network)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _check_folders(folders, configs):
    """Raises a `UsageError` if the run folders cannot be used, or all runs are finished."""
    for title, folder in folders.items():
        folder.check(configs[title])
    overwrite = any(config.overwrite for config in configs.values())
    is_done = all(
        folder.is_finished and not folder.has_state and not folder.is_untested(configs[title])
        for title, folder in folders.items()
    )
    if is_done and not overwrite:
        path = next(iter(folders.values())).path
        raise UsageError(
            f"run_dir={path} holds a finished run; choose another folder, or --overwrite"
        )


def _train(config, folder, task, records, replicas, stop, command, settings):
    """Trains one network, or resumes its training, and completes the run folder."""
    done = [folder.is_finished and not config.overwrite, folder.is_untested(config)]
    is_finished, is_untested = replicas.broadcast(done)
    if is_finished and not is_untested:  # a process may have been killed just before this
        replicas.on_chief(folder.remove_state)
        return
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    precision = config.devices.mixed_precision
    keras.config.set_dtype_policy("float32" if precision == "none" else f"mixed_{precision}")
    pretrained = Pretrained.load(config, task) if config.init_from else None
    with faults_named(records):
        opened = task.open(records, vocabulary=pretrained.vocabulary if pretrained else None)
        if not config.test:
            opened.records.leave_out_test()
        if is_untested:
            replicas.on_chief(lambda: _complete(add_test, opened, config, folder, command))
            return
        replicas.on_chief(lambda: folder.create(config))
        if settings:
            _check_network(config)
            print_settings(settings)
        warnings = data_warnings(opened) if isinstance(task, SettingsConfig) else []
        for warning in warnings:
            say(f"warning: {warning}")
        preliminaries, validation = Preliminaries(settings, warnings), None
        has_folds = getattr(task, "folds", 1) > 1 and "validation" not in opened.records.sizes
        compiled = CompiledNetwork(replicas, pretrained, is_shared=has_folds)
        if has_folds:
            keras.utils.set_random_seed(config.seed)
            folds = cross_validate(opened, config, folder, replicas, stop, compiled)
            preliminaries = preliminaries._replace(folds=folds)
            validation = mean_metrics(folds)
            say("All examples")
        progress = run_training(opened, config, folder, replicas, stop, compiled, validation)
    finished = (opened, config, folder, progress, command, preliminaries)
    replicas.on_chief(lambda: _complete(finish, *finished))


def _complete(complete, task, config, folder, *more):
    """Calls `finish` or `add_test`, which complete the run folder."""
    if keras.backend.backend() != "tensorflow":
        _complete_on_tensorflow(folder, config)
        return
    try:
        with faults_named(task.records.path):
            complete(task, config, folder, *more)
    except (UsageError, SourceError):  # about the data or the weights
        raise
    except Exception as error:
        if not (reason := _why_not_written(error)):
            raise
        raise UsageError(
            f"run_dir={folder.path} cannot be written after the training: {reason}; once it can, "
            "the same command tests and exports what was trained"
        ) from error


def _complete_on_tensorflow(folder, config):
    """Runs the command in a process with TensorFlow, as only TensorFlow writes a SavedModel.

    That process finds the network trained.
    """
    command = [sys.executable, "-c", _FINISH, f"--flagfile={folder / folder.FLAGS}"]
    command += [f"--run_dir={folder.path}", "--test" if config.test else "--notest"]
    # The child also holds the lock, so that the folder stays locked if this process is killed.
    held = [] if folder.lock.descriptor is None else [folder.lock.descriptor]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    options = {"env": environment, "stdout": subprocess.DEVNULL, "pass_fds": held}
    if child_process.run(command, **options).returncode:
        raise UsageError(
            f"the network was trained but not exported; {folder.path} keeps its weights"
        )


def _why_not_written(error):
    """Returns why the operating system could not write; None if that is not the error.

    TensorFlow's errors have neither a class nor a number for this, only the system's message.
    """
    if isinstance(error, OSError):
        return error.strerror or str(error)
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
    words = map(os.strerror, numbers)
    return next((reason for reason in words if reason in str(error)), None)

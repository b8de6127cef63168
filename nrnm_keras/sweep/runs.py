"""The trainings of a sweep, each in its own process."""

import concurrent.futures
import contextlib
import fcntl
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from nrnm_keras.commands.command_line import EXIT_STOPPED
from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_config import given_lines
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.sweep.children import Children
from nrnm_keras.sweep.grid import Point
from pipelines.console import say

_SECONDS_BETWEEN_LOOKS = 0.5


class Run(NamedTuple):
    """A training of a grid's point.

    Attributes:
        point: the `Point`.
        seed: its seed.
        folder: its run folder.
    """

    point: Point
    seed: int
    folder: pathlib.Path

    @property
    def title(self) -> str:
        """Its name on the console."""
        return f"{self.point.name} seed {self.seed}"

    @property
    def config(self) -> TrainConfig:
        """The `TrainConfig`."""
        return self.point.config.replace(seed=self.seed, run_dir=str(self.folder))

    @property
    def log(self) -> pathlib.Path:
        """The file for its output."""
        return self.folder.with_suffix(".log")

    @property
    def is_finished(self) -> bool:
        """Whether it is finished, and tested unless the test split is left out."""
        folder = RunFolder(self.folder)
        return folder.is_finished and not folder.is_untested(self.config)

    def report(self) -> dict[str, Any]:
        """Returns the report of the finished run."""
        return read_report(RunFolder(self.folder))


def run_all(runs: Sequence[Run], jobs: int) -> list[dict[str, Any]]:
    """Trains the runs that are not finished, and returns all reports in the order of the runs.

    One line is printed for each run. Unfinished runs are resumed, unless the flags say to overwrite
    them. Runs that an earlier sweep still trains are waited for.

    Args:
        runs: list of `Run`s.
        jobs: positive integer, the number of processes at a time.

    Raises:
        UsageError: if a folder holds a run with other flags, or a run fails. The message has the
            run's last line. Runs that have started are completed, and no other is started.
        Stopped: if this process or a run is asked to stop. All runs have saved and exited by then.
    """
    with Children() as children:
        for run in runs:
            if run.log.exists():
                with _own_log(run, children):
                    pass
            RunFolder(run.folder).check(run.config)
        waiting = [run for run in runs if not run.is_finished or run.config.overwrite]
        for run in runs:
            if run not in waiting:
                run.report()  # a damaged report is an error now, not after all trainings
        if len(waiting) < len(runs):
            say(f"{len(runs) - len(waiting)} of {len(runs)} runs are finished")
        _train_all(waiting, jobs, children)
    return [run.report() for run in runs]


def _train_all(runs, jobs, children):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_train, run, children): run for run in runs}
        try:
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                seconds = future.result()
                line = _result(futures[future])
                say(f"[{number}/{len(runs)}] {line} ({seconds:.0f} s)")
        except BaseException as error:
            pool.shutdown(cancel_futures=True)
            if not children.asked_by and not isinstance(error, Stopped):
                raise
            raise Stopped(
                f"stopped ({children.asked_by or error}); the same command resumes the unfinished "
                "runs"
            ) from error


def _train(run, children):
    """Trains once and returns the seconds it took."""
    start = time.monotonic()
    with _own_log(run, children) as output:
        if run.is_finished and not run.config.overwrite:  # another sweep has trained it
            return 0
        output.truncate(0)
        file = run.folder.with_suffix(".flags")
        text = "\n".join(given_lines(run.config)) + "\n"
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        command = [sys.executable, "-m", "nrnm_keras.train", f"--flagfile={file}"]
        code = children.run(command, stdout=output, stderr=subprocess.STDOUT)
    if code:
        children.raise_if_asked()
        last = (run.log.read_text("utf-8", "replace").strip() or "no message").splitlines()[-1]
        if code == EXIT_STOPPED:
            raise Stopped(f"{run.title}: {last}")
        raise UsageError(f"{run.title} failed: {last} (full output: {run.log})")
    return time.monotonic() - start


@contextlib.contextmanager
def _own_log(run, children):
    """Waits until no process of another sweep writes a run's log, and yields it open and locked.

    The training process inherits the lock. It is released when all its holders have ended.
    """
    with run.log.open("a", encoding="utf-8") as file:
        is_told = False
        while not _lock(file):
            if not is_told:
                say(f"waiting for {run.title}, which an earlier sweep still trains")
            is_told = True
            children.wait(_SECONDS_BETWEEN_LOOKS)
        yield file


def _lock(file):
    """Tries to lock an open file; returns whether it succeeded."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _result(run):
    report = run.report()
    split = "test" if report["metrics"]["test"] else "validation"
    metric = report["metric"]
    return f"{run.title}: {split} {metric} {report['metrics'][split][metric]:.4f}"

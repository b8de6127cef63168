"""The trainings of a sweep, each in a process of its own."""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time
from typing import NamedTuple

from nrnm_keras.errors import UsageError
from nrnm_keras.sweeping.grid import Point
from nrnm_keras.training.flags import copy_flags, flag_lines
from nrnm_keras.training.run_folder import RunFolder


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
    def title(self):
        """What it is called on the console."""
        return f"{self.point.name} seed {self.seed}"

    @property
    def flags(self):
        """The flag values of the training, which is a single one whatever they were."""
        return copy_flags(
            self.point.flags, seed=self.seed, run_dir=str(self.folder), compare_with_lstm=False
        )

    def report(self):
        """Returns the report of a finished run, None of another."""
        path = self.folder / RunFolder.REPORT
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def run_all(runs, jobs):
    """Trains what is not finished, and returns the reports in the order of the runs.

    Progress is printed, a line a run. What was begun before goes on where it stopped, unless the
    flags say to overwrite.

    Args:
        runs: list of `Run`s.
        jobs: positive integer, the number of processes at a time.

    Raises:
        UsageError: if a folder holds a run of other flags; if a run fails: with its last line. Runs
            that had begun are brought to their end, no other begins.
    """
    for run in runs:
        RunFolder(run.folder).check(flag_lines(run.flags), run.flags.overwrite)
    waiting = [run for run in runs if run.flags.overwrite or run.report() is None]
    if len(waiting) < len(runs):
        print(f"{len(runs) - len(waiting)} of {len(runs)} runs are finished")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_train, run): run for run in waiting}
        try:
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                seconds = future.result()
                line = _result(futures[future])
                print(f"[{number}/{len(waiting)}] {line} ({seconds:.0f} s)", flush=True)
        except KeyboardInterrupt as error:
            pool.shutdown(cancel_futures=True)
            raise KeyboardInterrupt("the same command goes on with what is not finished") from error
        except UsageError:
            pool.shutdown(cancel_futures=True)
            raise
    return [run.report() for run in runs]


def _train(run):
    """Trains once and returns the seconds it took."""
    file = run.folder.with_suffix(".flags")
    file.write_text("\n".join([*flag_lines(run.flags), f"--run_dir={run.folder}"]) + "\n")
    start, log = time.monotonic(), run.folder.with_suffix(".log")
    command = [sys.executable, "-m", "nrnm_keras.train", f"--flagfile={file}"]
    command += ["--overwrite"] * run.flags.overwrite
    with log.open("w") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT).returncode
    if code:
        last = (log.read_text(errors="replace").strip() or "no message").splitlines()[-1]
        raise UsageError(f"{run.title} failed: {last} (all of it is in {log})")
    return time.monotonic() - start


def _result(run):
    report = run.report()
    split = "test" if report["metrics"]["test"] else "validation"
    metric = report["metric"]
    return f"{run.title}: {split} {metric} {report['metrics'][split][metric]:.4f}"

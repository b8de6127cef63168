"""Sweeps of real trainings that are ended from outside, and started again."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.training_processes import weights, write_sequences

# Many processes, all of which start TensorFlow.
pytestmark = pytest.mark.slow

PATIENCE = 600
STOPPED = 75


class Sweep:
    """A sweep of two trainings, in processes."""

    def __init__(self, folder):
        self._flags = [*write_sequences(folder, 40), "--epochs=30", "--patience=30"]
        self._flags += ["--checkpoint_every=5", f"--sweep_dir={folder}/sweep"]
        self._log = folder / "sweep.log"
        self.runs = [folder / f"sweep/sequence/runs/units={n}/seed_0" for n in (4, 8)]
        self.process = None

    def start(self, *more):
        command = [sys.executable, "-m", "nrnm_keras.sweep", *self._flags, "--grid=units=4,8"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--jobs=2", *more], stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def output(self):
        return self._log.read_text()

    def log_of(self, run):
        return run.with_suffix(".log").read_text(errors="replace")

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def wait_until_all_train(self):
        def has_checkpoint(run):
            return any((run / "checkpoints").glob("step_*"))

        self.wait_for(lambda: all(map(has_checkpoint, self.runs)) or self.process.poll())

    def trainings(self):
        """The trainings' processes that are still there."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = " ".join(process.cmdline())
                if str(self.runs[0].parents[1]) in words and process.status() != "zombie":
                    found.append(process)
        return found


@pytest.fixture
def sweep(tmp_path):
    sweep = Sweep(tmp_path)
    yield sweep
    sweep.process.kill()
    sweep.process.wait()
    for training in sweep.trainings():
        training.kill()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_sweep_that_is_asked_to_stop(name, sweep):
    sweep.start()
    sweep.wait_until_all_train()
    sweep.process.send_signal(getattr(signal, name))
    assert sweep.process.wait() == STOPPED, sweep.output
    assert not sweep.trainings()
    assert sweep.output.splitlines()[-1] == (
        f"stopped ({name}); the same command resumes the unfinished runs"
    )
    for run in sweep.runs:
        step = int(re.search(r"stopped after step (\d+) \(SIGTERM\)", sweep.log_of(run))[1])
        assert (run / "checkpoints" / f"step_{step:09d}.npz").exists()


def test_killed_sweep_leaves_nothing_running_and_goes_on(sweep, tmp_path):
    sweep.start()
    sweep.wait_until_all_train()
    sweep.process.kill()
    sweep.process.wait()
    sweep.wait_for(lambda: not sweep.trainings())
    for run in sweep.runs:
        assert "stopped after step" in sweep.log_of(run)
    sweep.start()
    assert sweep.process.wait() == 0, sweep.output
    for run in sweep.runs:
        assert "resuming after step" in sweep.log_of(run)
    assert (sweep.runs[0].parents[2] / "results.csv").exists()
    goes_on = [weights(run) for run in sweep.runs]

    (tmp_path / "reference").mkdir()
    reference = Sweep(tmp_path / "reference")
    reference.start()
    assert reference.process.wait() == 0
    for run, found in zip(reference.runs, goes_on, strict=True):
        assert all((a == b).all() for a, b in zip(weights(run), found, strict=True))


def test_what_an_earlier_sweep_still_trains_is_waited_for(sweep):
    sweep.start()
    sweep.wait_until_all_train()
    left, *_ = sweep.trainings()
    left.suspend()
    sweep.process.kill()
    sweep.process.wait()
    sweep.start()
    sweep.wait_for(lambda: "which an earlier sweep still trains" in sweep.output)
    logs = {run: sweep.log_of(run) for run in sweep.runs}
    assert any("stopped after step" not in log for log in logs.values())
    assert left.is_running() and left.status() == "stopped"
    sweep.process.send_signal(signal.SIGTERM)  # while it waits
    assert sweep.process.wait() == STOPPED
    sweep.start()
    sweep.wait_for(lambda: "which an earlier sweep still trains" in sweep.output)
    left.resume()
    assert sweep.process.wait() == 0, sweep.output
    for run in sweep.runs:
        assert json.loads((run / "report.json").read_text())["training"]["epochs"] == 30


def test_run_that_stops_early_stops_the_sweep(sweep):
    sweep.start("--time_limit=0.1")
    assert sweep.process.wait() == STOPPED, sweep.output
    assert re.search(r"units=\d seed 0: stopped after step \d+ \(time_limit\)", sweep.output)
    assert not any((run / "report.json").exists() for run in sweep.runs)

import csv
import json
import random
import re
import shutil
import signal
import time

import numpy as np
import pytest

from nrnm_keras.inference.run_folder import RunFolder
from pipelines import locks
from tests.training_processes import (
    Command,
    Training,
    kill_all,
    start_workers,
    weights,
    write_sequences,
)

# Many processes, most of which start TensorFlow.
pytestmark = pytest.mark.slow

CHECKPOINT_EVERY = 2
CHECKPOINTS_KEPT = 2
STOPPED = 75  # the exit code
EPOCHS = 12
EVERYTHING = [
    *("--dropout=0.2", "--head_dropout=0.3", "--recurrent_dropout=0.1", "--zoneout=0.1"),
    *("--ema_momentum=0.8", "--learning_rate_schedule=cosine", "--warmup_fraction=0.1"),
    *("--learning_rate=0.1", f"--epochs={EPOCHS}", "--patience=3", "--best_epoch_by=loss"),
    f"--checkpoint_every={CHECKPOINT_EVERY}",
]


class Run:
    """A run folder, and what could be seen in it only while it was written."""

    def __init__(self, flags, path):
        self.path = path
        self.arguments = [*flags, *EVERYTHING, f"--run_dir={path}"]
        self.last_step, self.last_checkpoint = None, None
        self._starts = 0

    def start(self, starter=Training, **options):
        """Starts a training, or goes on with it; returns the processes."""
        self._starts += 1
        log = self.path.with_name(f"{self.path.name}_{self._starts}.log")
        if starter is start_workers:
            return start_workers(self.arguments, log, **options)
        return [starter(self.arguments, log, **options)]

    def checkpoints(self):
        return sorted((self.path / "checkpoints").glob("step_*.npz"))

    def newest_step(self):
        return step_of(self.checkpoints()[-1])

    def watch(self, training, condition):
        """Waits until a condition holds, and looks at the run folder all the time."""

        def look():
            # One more while the oldest is about to be removed.
            assert len(self.checkpoints()) <= CHECKPOINTS_KEPT + 1
            if self.last_checkpoint is None and training.is_testing:
                self.last_step = self.newest_step()
                self.last_checkpoint = read(self.checkpoints()[-1])
            return condition()

        training.wait_until(look)

    def finish(self, trainings):
        """Waits for the end of the run."""
        self.watch(trainings[0], lambda: trainings[0].ended)
        assert [training.wait() for training in trainings] == [0] * len(trainings)

    def copy(self, path):
        """Returns a run that goes on from here in another folder."""
        copy = Run([], path)
        copy.arguments = [*self.arguments, f"--run_dir={path}"]
        shutil.copytree(self.path, path)
        return copy

    def table(self):
        with (self.path / "metrics.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def names(self):
        return {path.name for path in self.path.iterdir()}


def step_of(checkpoint):
    return int(checkpoint.stem.removeprefix("step_"))


def read(checkpoint):
    with np.load(checkpoint) as arrays:
        return {name: arrays[name] for name in arrays.files}


def assert_same_end(run, reference):
    """Two finished runs have the same weights, optimizer, random state and metrics to the bit."""
    for left, right in zip(weights(run.path), weights(reference.path), strict=True):
        np.testing.assert_array_equal(left, right)
    assert run.table() == reference.table()
    assert run.names() == reference.names()
    there, expected = run.last_checkpoint, reference.last_checkpoint
    assert set(there) == set(expected)
    facts, expected_facts = (json.loads(str(each["facts"])) for each in (there, expected))
    for name in ("epoch", "step", "history"):
        assert facts[name] == expected_facts[name]
    for name in set(there) - {"facts"}:
        np.testing.assert_array_equal(there[name], expected[name], err_msg=name)


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    kill_all()


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    return write_sequences(tmp_path_factory.mktemp("data"), 50)


@pytest.fixture(scope="module")
def reference(flags, tmp_path_factory):
    """The uninterrupted run on one device."""
    return finished(Run(flags, tmp_path_factory.mktemp("reference") / "run"), Training)


def finished(run, kind):
    run.finish(run.start(kind))
    return run


@pytest.fixture(scope="module")
def stopped(flags, tmp_path_factory):
    """A run that got SIGTERM after some steps, and its training."""
    run = Run(flags, tmp_path_factory.mktemp("stopped") / "run")
    (training,) = run.start()
    run.watch(training, lambda: training.step > CHECKPOINT_EVERY)
    training.send("SIGTERM")
    return run, training


def kill_points(reference, seed):
    """Returns ten moments to kill a training at: functions of it and its run folder.

    They lie in its first step, after random steps, in the validation of random epochs, and in the
    export.
    """
    chance = random.Random(seed)
    epochs, steps = len(reference.table()), reference.last_step
    per_epoch = steps // epochs

    def starting(training, path):
        return "Epoch" in training.output

    def after(step):
        return lambda training, path: training.step >= max(step, training.went_on_after + 1)

    def validating(step):
        return lambda training, path: after(step)(training, path) and not training.step % per_epoch

    def exporting(training, path):
        names = {each.name for each in path.iterdir()}
        state = {RunFolder.CHECKPOINTS, RunFolder.BEST, locks.FILE_NAME}
        return RunFolder.MODEL in names and names - reference.names() - state

    points = [(step, after(step)) for step in chance.sample(range(1, steps - per_epoch), 4)]
    halves = (range(1, epochs // 2), range(epochs // 2, epochs - 1))
    points += [(end, validating(end)) for end in (chance.choice(x) * per_epoch for x in halves)]
    points = [point for _, point in sorted(points, key=lambda point: point[0])]
    for _ in range(2):
        points.insert(chance.randrange(len(points)), starting)
    return [
        *points,
        lambda training, path: training.is_testing,
        exporting,
    ]


def kill_and_finish(run, reference, kind):
    """Kills a run at ten moments, goes on each time, and lets it finish."""
    chance = random.Random(1)
    shown = 0

    def check_loss(training):
        if "Epoch" in training.output:
            assert training.went_on_after >= shown - CHECKPOINT_EVERY
        return max(shown, training.step)

    for has_come in kill_points(reference, seed=0):
        trainings = run.start(kind)
        run.watch(trainings[0], lambda: has_come(trainings[0], run.path))  # noqa: B023
        time.sleep(chance.uniform(0, 0.05))
        for training in trainings:
            training.send("SIGKILL")
        assert {training.wait() for training in trainings} == {-signal.SIGKILL}
        shown = check_loss(trainings[0])
    trainings = run.start(kind)
    run.finish(trainings)
    check_loss(trainings[0])


def test_reference_uses_all_that_has_a_state(reference):
    assert 3 < len(reference.table()) < EPOCHS  # the patience ended it
    facts = json.loads(str(reference.last_checkpoint["facts"]))
    assert len(facts["history"]) == len(reference.table())


def test_killed_ten_times_on_one_device(flags, reference, tmp_path):
    run = Run(flags, tmp_path / "run")
    kill_and_finish(run, reference, Command)
    assert_same_end(run, reference)


def test_killed_ten_times_in_two_processes(flags, tmp_path):
    reference = finished(Run(flags, tmp_path / "reference"), start_workers)
    run = Run(flags, tmp_path / "run")
    kill_and_finish(run, reference, start_workers)
    assert_same_end(run, reference)


def test_sigterm_finishes_the_step_and_saves(stopped):
    run, training = stopped
    assert training.wait() == STOPPED
    step = run.newest_step()
    assert step >= training.step
    assert training.error == f"stopped after step {step} (SIGTERM)"


def test_sigterm_to_one_process_stops_both(flags, tmp_path):
    run = Run(flags, tmp_path / "run")
    first, second = run.start(start_workers)
    run.watch(first, lambda: first.step)
    second.send("SIGTERM")
    assert (first.wait(), second.wait()) == (STOPPED, STOPPED)
    step = run.newest_step()
    assert first.error == f"stopped after step {step} (another process was asked to)"
    assert second.error == f"stopped after step {step} (SIGTERM)"


def test_terminate_after(flags, tmp_path):
    run = Run(flags, tmp_path / "run")
    run.arguments.append("--terminate_after=0.1")
    for step in (1, 2):
        (training,) = run.start()
        assert training.wait() == STOPPED, training.output
        assert training.went_on_after == step - 1
        assert training.error == f"stopped after step {step} (time_limit)"


def test_torn_checkpoint_is_named_and_the_one_before_used(stopped, reference, tmp_path):
    stopped[1].wait()
    run = stopped[0].copy(tmp_path / "run")
    older, newest = run.checkpoints()
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    (training,) = run.start()
    run.finish([training])
    assert f"the checkpoint {newest} is damaged" in training.output
    assert training.went_on_after == step_of(older)
    assert_same_end(run, reference)


def test_full_disk(stopped, reference, tmp_path):
    stopped[1].wait()
    run = stopped[0].copy(tmp_path / "run")
    before, step = run.checkpoints(), run.newest_step()
    (training,) = run.start(file_limit=before[-1].stat().st_size // 2)
    assert training.wait() == 1
    assert "Traceback" not in training.output
    assert re.fullmatch(
        rf"error: run_dir={run.path} cannot be written after step \d+: File too large; once it "
        rf"can, the same command resumes after step {step}",
        training.error,
    )
    assert sorted((run.path / "checkpoints").iterdir()) == before
    (training,) = run.start()
    run.finish([training])
    assert training.went_on_after == step
    assert_same_end(run, reference)


@pytest.mark.parametrize("killed", (0, 1))
def test_process_that_loses_the_other_ends(flags, tmp_path, killed):
    run = Run(flags, tmp_path / "run")
    trainings = run.start(start_workers, kind=Command)
    run.watch(trainings[0], lambda: trainings[0].step)
    trainings[killed].send("SIGKILL")
    left = trainings[1 - killed]
    assert left.wait() == 1
    assert left.error == (
        "error: another process has stopped; start all processes again, and they will resume"
    )

"""The end of a run, cut off after each thing that it publishes or removes, and done again."""

import json
import signal

import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.inference.run_folder import RunFolder
from tests.training_processes import Training, kill_all, report, weights, write_sequences

STEPS = [
    *(RunFolder.MODEL, RunFolder.SAVED_MODEL, RunFolder.PICTURES),
    *(RunFolder.REPORT_TEXT, RunFolder.REPORT),
    *(RunFolder.CHECKPOINTS, RunFolder.BEST),  # removed
]
# The first is the fault that people met.
STEPS_AND_MARKS = [
    pytest.param(step, marks=[] if step == RunFolder.SAVED_MODEL else pytest.mark.slow)
    for step in STEPS
]
EPOCHS = 2
# Bytes of a file: fewer than a graph or a picture takes, more than a training prints.
FULL = 16_000


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    kill_all()


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    flags = write_sequences(tmp_path_factory.mktemp("data"), 50)
    return [*flags, f"--epochs={EPOCHS}"]


@pytest.fixture(scope="module")
def reference(flags, tmp_path_factory):
    """An uninterrupted run."""
    run = tmp_path_factory.mktemp("reference") / "run"
    training = start(flags, run)
    assert training.wait() == 0, training.output
    return run


def start(flags, run, **options):
    number = len(list(run.parent.glob("*.log")))
    return Training([*flags, f"--run_dir={run}"], run.parent / f"{number}.log", **options)


def names(run):
    return {path.relative_to(run) for path in run.rglob("*") if "tfevents" not in path.name}


def assert_same(run, reference):
    """Two finished runs hold the same, but for times."""
    assert names(run) == names(reference)
    for left, right in zip(weights(run), weights(reference), strict=True):
        np.testing.assert_array_equal(left, right)
    tables = [(each / RunFolder.METRICS).read_text() for each in (run, reference)]
    assert tables[0] == tables[1]
    sequence = np.random.default_rng(0).normal(size=(1, 7, 2)).astype("float32")
    served = [tf.saved_model.load(each / RunFolder.SAVED_MODEL) for each in (run, reference)]
    left, right = ({k: v.numpy() for k, v in each.serve(sequence).items()} for each in served)
    assert left == right
    reports = [report(each) for each in (run, reference)]
    assert reports[0]["metrics"] == reports[1]["metrics"]
    assert set(reports[0]) == set(reports[1])


def check_finished_once_more(flags, run, step, reference):
    """The same command ends well, or says that there is nothing left to do."""
    training = start(flags, run)
    is_done = step == RunFolder.BEST
    assert training.wait() == (1 if is_done else 0), training.output
    assert "Epoch" not in training.output and "Traceback" not in training.output
    if is_done:
        assert "holds a finished run" in training.error
    assert_same(run, reference)


@pytest.mark.parametrize("step", STEPS_AND_MARKS)
def test_killed_after_each_step(step, flags, reference, tmp_path):
    run = tmp_path / "run"
    training = start(flags, run, interruption=(step, "SIGKILL"))
    assert training.wait() == -signal.SIGKILL, training.output
    done = STEPS.index(step) + 1
    for number, name in enumerate(STEPS):
        is_published = name not in (RunFolder.CHECKPOINTS, RunFolder.BEST)
        assert (run / name).exists() == ((number < done) == is_published), name
    check_finished_once_more(flags, run, step, reference)


@pytest.mark.slow
def test_killed_after_one_step_after_the_other(flags, reference, tmp_path):
    for step in STEPS[:-1]:
        training = start(flags, tmp_path / "run", interruption=(step, "SIGKILL"))
        assert training.wait() == -signal.SIGKILL, training.output
    check_finished_once_more(flags, tmp_path / "run", None, reference)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS[:-1])
def test_interrupted_after_each_step(step, flags, reference, tmp_path):
    run = tmp_path / "run"
    training = start(flags, run, interruption=(step, "SIGINT"))
    assert training.wait() == 130, training.output
    assert "Traceback" not in training.output and training.output.splitlines()[-1].startswith(
        "interrupted: "
    )
    assert not list(run.glob(".*"))
    check_finished_once_more(flags, run, step, reference)


@pytest.mark.slow
@pytest.mark.parametrize("step", [RunFolder.MODEL, RunFolder.SAVED_MODEL])
def test_disk_full_after_a_step_and_room_given_back(step, flags, reference, tmp_path):
    run = tmp_path / "run"
    training = start(flags, run, interruption=(step, FULL))
    assert training.wait() == 1, training.output
    assert "Traceback" not in training.output and "cannot be written after" in training.error
    assert "File too large" in training.error and not list(run.glob(".*"))
    training = start(flags, run)
    assert training.wait() == 0, training.output
    assert_same(run, reference)


@pytest.mark.slow
def test_killed_over_what_another_run_has_left(flags, reference, tmp_path):
    """With --overwrite the folder is full at the start."""
    run = tmp_path / "run"
    assert start([*flags, "--units=8"], run).wait() == 0
    training = start([*flags, "--overwrite"], run, interruption=(RunFolder.PICTURES, "SIGKILL"))
    assert training.wait() == -signal.SIGKILL, training.output
    check_finished_once_more(flags, run, None, reference)
    assert json.loads((run / RunFolder.REPORT).read_text())["flags"]["units"] == 4

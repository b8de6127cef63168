"""Trainings of `--adversarial`, on one device and several, stopped and gone on with."""

import csv
import json
import random

import numpy as np
import pytest

from nrnm_keras.train.checkpoints import Checkpoints
from tests.training_processes import (
    Command,
    Training,
    kill_all,
    report,
    start_workers,
    weights,
)

# Many processes, most of which start TensorFlow.
pytestmark = pytest.mark.slow

ON_JAX = {"KERAS_BACKEND": "jax"}
SMALL = [
    *(
        "--task=text",
        "--settings=fixed",
        "--units=4",
        "--num_layers=1",
        "--embedding_size=4",
        "--max_length=24",
    ),
    *("--model=gru", "--batch_size=8", "--epochs=2", "--learning_rate=0.01"),
    *("--adversarial=virtual", "--entropy_weight=0.2", "--best_epoch_by=loss", "--input_parts=2"),
]
NO_DROPOUT = ["--dropout=0", "--head_dropout=0", "--embedding_dropout=0"]
DROPOUT = ["--word_dropout=0.2", "--recurrent_dropout=0.1", "--head_dropout=0.3"]


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    kill_all()


def write_texts(path, count, with_labels):
    """Texts of 3 to 30 words, the first of which tells the class."""
    chance = random.Random(str(path.name))
    rows = []
    for _ in range(count):
        label = chance.choice(["good", "bad"])
        words = [label, *chance.choices("abcdefgh", k=chance.randint(2, 29))]
        rows.append((" ".join(words), label) if with_labels else (" ".join(words),))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label") if with_labels else ("text",), *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversarial")
    write_texts(folder / "train.csv", 30, True)
    write_texts(folder / "unlabeled.csv", 33, False)
    return folder


def arguments(folder, name, *more):
    files = [f"--{kind}_file={folder}/{kind}.csv" for kind in ("train", "unlabeled")]
    return [*SMALL, *files, f"--data_dir={folder}/data", *more, f"--run_dir={folder}/{name}"]


def finish(folder, name, trainings):
    assert [each.wait() for each in trainings] == [0] * len(trainings), trainings[0].output
    return weights(folder / name)


@pytest.fixture(scope="module")
def on_one_device(folder):
    flags = arguments(folder, "one", *NO_DROPOUT, "--strategy=one_device")
    return finish(folder, "one", [Training(flags, folder / "one.log")])


def assert_close(left, right):
    assert max(np.abs(a - b).max() for a, b in zip(left, right, strict=True)) < 2e-5


def test_unlabeled_texts_are_trained_on(folder, on_one_device):
    data = report(folder / "one")["data"]
    assert (data["examples"]["train"], data["labeled"]) == (60, 27)


@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker"])
def test_two_replicas_end_like_one_device(folder, on_one_device, strategy):
    flags = arguments(folder, strategy, *NO_DROPOUT)
    if strategy == "mirrored":
        flags += ["--strategy=mirrored", "--cpu_devices=2"]
        trainings = [Training(flags, folder / "mirrored.log")]
    else:
        trainings = start_workers(flags, folder / "multi_worker.log")
    assert_close(finish(folder, strategy, trainings), on_one_device)


def test_the_terms_make_a_difference(folder, on_one_device):
    flags = arguments(folder, "less", *NO_DROPOUT, "--strategy=one_device")
    flags.append("--adversarial_weight=0.5")
    found = finish(folder, "less", [Training(flags, folder / "less.log")])
    assert max(np.abs(a - b).max() for a, b in zip(found, on_one_device, strict=True)) > 1e-3


def test_two_devices_end_like_one_on_jax(folder):
    pytest.importorskip("jax")
    found = []
    for name, more in (
        ("jax_one", ["--strategy=one_device"]),
        ("jax_two", ["--strategy=mirrored", "--cpu_devices=2"]),
    ):
        flags = arguments(folder, name, *NO_DROPOUT, *more)
        found.append(finish(folder, name, [Command(flags, folder / f"{name}.log", ON_JAX)]))
    assert_close(*found)


@pytest.mark.parametrize("environment", [{}, ON_JAX])
def test_killed_and_gone_on_with_it_ends_the_same_to_the_bit(folder, environment):
    kind = Command if environment else Training
    name = "jax_" if environment else ""
    flags = ["--checkpoint_every=2", "--strategy=one_device", *DROPOUT]
    whole, killed = (f"{name}whole", f"{name}killed")
    expected = finish(
        folder,
        whole,
        [kind(arguments(folder, whole, *flags), folder / f"{whole}.log", environment)],
    )
    for step in (3, 11):
        log = folder / f"{killed}_{step}.log"
        training = kind(arguments(folder, killed, *flags), log, environment)
        training.wait_until(lambda: training.step >= step)  # noqa: B023
        training.send("SIGKILL")
        training.wait()
        assert Checkpoints(folder / killed / "checkpoints").newest() >= step - 2
    training = kind(arguments(folder, killed, *flags), folder / f"{killed}.log", environment)
    found = finish(folder, killed, [training])
    assert training.went_on_after >= 9
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    tables = [(folder / each / "metrics.csv").read_text() for each in (whole, killed)]
    assert tables[0] == tables[1]
    assert json.loads((folder / killed / "report.json").read_text())["metrics"]

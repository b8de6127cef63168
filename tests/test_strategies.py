import itertools
import math
import pathlib
import re
from typing import NamedTuple

import numpy as np
import pytest

from tests.training_processes import (
    Command,
    ForksInTurn,
    Training,
    error_in,
    kill_all,
    report,
    start_workers,
    weights,
    write_sequences,
)

# Many processes, most of which start TensorFlow.
pytestmark = pytest.mark.slow

README = pathlib.Path(__file__).parents[1] / "nrnm_keras/train/README.md"
TABLE = re.compile(r"<!-- strategies table -->\n(.*)<!-- end of strategies table -->", re.DOTALL)
ON_JAX = {"KERAS_BACKEND": "jax"}
BACKENDS = ("tensorflow", "jax")
STRATEGIES = ("one_device", "mirrored", "multi_worker")
PRECISIONS = ("none", "bfloat16", "float16")
XLA = ("off", "on")


def devices(strategy):
    """Returns the flags of a strategy."""
    return [f"--strategy={strategy}", *(["--cpu_devices=2"] if strategy == "mirrored" else [])]


def start(backend, strategy, arguments, log):
    """Starts a training; returns its processes."""
    if backend == "jax":
        return [Command([*arguments, *devices(strategy)], log, ON_JAX)]
    if strategy == "multi_worker":
        return start_workers(arguments, log)
    return [Training([*arguments, *devices(strategy)], log)]


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    kill_all()


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Returns a function that trains and returns the weights at the end.

    It trains on 45 sequences of 5 to 16 steps, in batches of 8, read in two parts.
    """
    folder = tmp_path_factory.mktemp("runs")
    flags = [
        *(*write_sequences(folder, 50), "--input_parts=2", "--epochs=2", "--best_epoch_by=loss"),
        *("--learning_rate=0.01", "--clip_norm=0.1"),
    ]

    def train(backend, strategy, *more):
        name = "_".join([backend, strategy, *more])
        arguments = [*flags, *more, f"--run_dir={folder}/{name}"]
        trainings = start(backend, strategy, arguments, folder / f"{name}.log")
        assert [each.wait() for each in trainings] == [0] * len(trainings), trainings[0].output
        assert report(folder / name)["training"]["best_epoch"] == 2
        return weights(folder / name)

    return train


@pytest.fixture(scope="module")
def on_one_device(train):
    return train("tensorflow", "one_device")


@pytest.mark.parametrize("strategy", ("mirrored", "multi_worker"))
def test_two_replicas_end_like_one_device(train, on_one_device, strategy):
    assert_close(train("tensorflow", strategy), on_one_device)


def test_clipping_makes_a_difference(train, on_one_device):
    assert distance(train("tensorflow", "one_device", "--clip_norm=0.2"), on_one_device) > 1e-4


def test_two_devices_end_like_one_on_jax(train):
    assert_close(train("jax", "mirrored"), train("jax", "one_device"))


def distance(left, right):
    return max(np.abs(a - b).max() for a, b in zip(left, right, strict=True))


def assert_close(left, right):
    assert distance(left, right) < 1e-5


class Cell(NamedTuple):
    """What the table tells the outcome of."""

    backend: str
    strategy: str
    xla: str
    precision: str


def test_table_in_the_readme(tmp_path):
    flags = [*write_sequences(tmp_path, 20), "--epochs=1"]
    cells = [Cell(*each) for each in itertools.product(BACKENDS, STRATEGIES, XLA, PRECISIONS)]
    runs = {cell: tmp_path / "_".join(cell) for cell in cells}
    logs = {cell: run.with_suffix(".log") for cell, run in runs.items()}

    def arguments(cell):
        computation = [f"--xla={cell.xla}", f"--mixed_precision={cell.precision}"]
        return [*flags, *computation, f"--run_dir={runs[cell]}"]

    on_jax = [cell for cell in cells if cell.backend == "jax"]
    jobs = [([*arguments(cell), *devices(cell.strategy)], logs[cell]) for cell in on_jax]
    outcomes = {}
    with ForksInTurn(jobs, ON_JAX) as in_turn:  # on the other core
        for cell in cells:
            if cell.backend == "tensorflow":
                trainings = start(cell.backend, cell.strategy, arguments(cell), logs[cell])
                codes = [training.wait() for training in trainings]
                outputs = [training.output for training in trainings]
                outcomes[cell] = outcome(runs[cell], codes, outputs)
        for cell, code in zip(on_jax, in_turn.wait(), strict=True):
            outcomes[cell] = outcome(runs[cell], [code], [logs[cell].read_text()])
    table = as_table(outcomes)
    assert TABLE.search(README.read_text(encoding="utf-8"))[1] == table, table


def outcome(run, codes, outputs):
    """Returns what the table says of a training."""
    if codes == [0] * len(codes):
        assert math.isfinite(report(run)["metrics"]["validation"]["loss"])
        return "works"
    # Refused at the start: before anything was written.
    assert set(codes) == {1} and not run.exists(), outputs[0]
    (reason,) = {error_in(output) for output in outputs}
    return re.match(r"error: ([^:;]*)", reason)[1]


def as_table(outcomes):
    lines = ["| | float32 | bfloat16 | float16 |", "| --- | --- | --- | --- |"]
    for backend, strategy, xla in itertools.product(BACKENDS, STRATEGIES, XLA):
        cells = (outcomes[backend, strategy, xla, precision] for precision in PRECISIONS)
        lines.append(f"| {backend}, `{strategy}`, `--xla={xla}` | {' | '.join(cells)} |")
    return "\n".join(["", *lines, "", ""])

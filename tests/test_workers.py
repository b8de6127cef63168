"""Trainings in several processes, some of which never come, go, or cannot be."""

import json
import pathlib
import re
import signal
import socket
import time

import pytest

from tests.training_processes import Command, kill_all, start_workers, write_sequences

# Many processes, most of which start TensorFlow.
pytestmark = pytest.mark.slow

STOPPED, INTERRUPTED = 75, 130


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    kill_all()


@pytest.fixture
def flags(tmp_path):
    return [*write_sequences(tmp_path, 40), "--epochs=1000", f"--run_dir={tmp_path}/run"]


def free_ports(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def worker(flags, workers, index, log, *more):
    config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    arguments = [*flags, "--strategy=multi_worker", *more]
    return Command(arguments, log, {"TF_CONFIG": json.dumps(config)})


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("SIGTERM", STOPPED, "stopped while waiting for the other workers (SIGTERM)"),
        ("SIGINT", INTERRUPTED, "interrupted: "),
    ],
)
@pytest.mark.parametrize("index", [0, 1])
def test_worker_that_waits_ends_on_signals(flags, tmp_path, name, code, said, index):
    workers = [f"localhost:{port}" for port in free_ports(2)]
    lonely = worker(flags, workers, index, tmp_path / "log")
    missing = f"waiting for worker {1 - index} ({workers[1 - index]})"
    lonely.wait_until(lambda: missing in lonely.output)
    start = time.monotonic()
    lonely.send(name)
    assert lonely.wait() == code, lonely.output
    assert time.monotonic() - start < 60  # it does not wait for what never comes
    assert said in lonely.output and "Traceback" not in lonely.output
    assert not (tmp_path / "run").exists()


def test_worker_gives_up(flags, tmp_path):
    workers = [f"localhost:{port}" for port in free_ports(2)]
    lonely = worker(flags, workers, 0, tmp_path / "log", "--cluster_timeout=3")
    assert lonely.wait() == 1
    assert lonely.output.splitlines()[-1] == (
        f"error: worker 1 ({workers[1]}) did not start within cluster_timeout=3 s; start all "
        "workers again"
    )


def test_cluster_that_cannot_be_is_refused_at_once(flags, tmp_path):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        free = free_ports(1)[0]
        cases = {
            "have the same address": [f"localhost:{free}", f"localhost:{free}"],
            "the address of worker 1 is 'localhost'": [f"localhost:{free}", "localhost"],
            f"port {port} of worker 0": [f"localhost:{port}", f"localhost:{free}"],
        }
        started = {
            said: worker(flags, workers, 0, tmp_path / str(i))
            for i, (said, workers) in enumerate(cases.items())
        }
        for said, each in started.items():
            assert each.wait() == 1 and "Traceback" not in each.output
            line = each.output.splitlines()[-1]
            assert line.startswith("error: TF_CONFIG: ") and said in line
    assert not (tmp_path / "run").exists()


def catches(pid, number):
    """Whether a process has a handler of a signal, as Linux tells."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    (caught,) = re.findall(r"SigCgt:\s*(\w+)", status)
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_worker_that_waits_for_the_first_ones_work_ends_on_signals(flags, tmp_path, name):
    """TensorFlow does not come back to Python while it waits for another process."""
    many = write_sequences(tmp_path, 60_000)  # which the first one makes records of
    first, second = start_workers([*flags, *many], tmp_path / "log", kind=Command)
    first.wait_until(lambda: list((tmp_path / "data").glob("**/incomplete.*")))
    second.wait_until(lambda: not catches(second.pid, getattr(signal, name)))
    second.send(name)
    assert second.wait() == -getattr(signal, name), second.output
    first.send("SIGKILL")
    first.wait()

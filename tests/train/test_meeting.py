"""Processes of a training that wait for each other."""

import multiprocessing
import os
import re
import signal
import socket
import sys
import threading
import time

import pytest

from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.train.cluster import Cluster
from nrnm_keras.train.meeting import meet

PATIENCE = 60
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["nrnm_keras.train.__main__"])


def free_addresses(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return tuple(addresses)


def _meet(log, workers, index, timeout):
    sys.stdout = log.open("w", buffering=1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        meet(Cluster(workers, index), timeout)
        print("met")
    except (UsageError, Stopped, KeyboardInterrupt) as error:
        print(f"{type(error).__name__}: {error}")


class Worker:
    """A process that waits for the others."""

    def __init__(self, folder, workers, index, timeout=0):
        Worker.count += 1
        self._log = folder / f"{Worker.count}.log"
        arguments = (self._log, workers, index, timeout)
        self._process = _processes.Process(target=_meet, args=arguments, daemon=True)
        self._process.start()

    @property
    def lines(self):
        return self._log.read_text().splitlines() if self._log.exists() else []

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while not any(text in line for line in self.lines):
            assert time.monotonic() < end and self._process.is_alive(), self.lines
            time.sleep(0.02)

    def send(self, number):
        os.kill(self._process.pid, number)

    def end(self):
        """Waits for the end; returns the last line."""
        self._process.join(PATIENCE)
        assert not self._process.is_alive(), self.lines
        return self.lines[-1] if self.lines else None


Worker.count = 0


@pytest.mark.parametrize("count", [2, 4])
def test_all_meet_whenever_they_come(tmp_path, count):
    workers = free_addresses(count)
    started = []
    for index in reversed(range(count)):
        started.append(Worker(tmp_path, workers, index))
        if index:
            started[-1].wait_for("waiting for ")
    assert [each.end() for each in started] == ["met"] * count
    (said, *_) = started[0].lines
    assert re.fullmatch(rf"waiting for worker 0 \({workers[0]}\).* \(\d s\)", said)
    assert "all 2 workers are running" in started[0].lines or count != 2


def test_one_alone_meets_nobody():
    meet(Cluster(("localhost:1",), 0))


@pytest.mark.parametrize("index", [0, 1])
def test_one_that_never_comes_is_named_and_given_up(tmp_path, index):
    workers = free_addresses(2)
    worker = Worker(tmp_path, workers, index, timeout=2)
    missing = f"worker {1 - index} ({workers[1 - index]})"
    assert worker.end() == (
        f"UsageError: {missing} did not start within cluster_timeout=2 s; start all workers again"
    )
    assert worker.lines[0].startswith(f"waiting for {missing} (")


@pytest.mark.parametrize(
    ("name", "error"),
    [("SIGTERM", "Stopped"), ("SIGHUP", "Stopped"), ("SIGINT", "KeyboardInterrupt")],
)
def test_signals_end_the_waiting(tmp_path, name, error):
    worker = Worker(tmp_path, free_addresses(2), 0)
    worker.wait_for("waiting for worker 1")
    worker.send(getattr(signal, name))
    assert worker.end().startswith(f"{error}: ")
    if error == "Stopped":
        assert f"({name})" in worker.lines[-1]


def test_those_that_are_there_wait_for_the_one_that_is_not(tmp_path):
    workers = free_addresses(3)
    first, second = Worker(tmp_path, workers, 0, timeout=8), Worker(tmp_path, workers, 1)
    expected = f"worker 2 ({workers[2]}) did not start within cluster_timeout=8 s"
    assert expected in first.end()
    assert all("worker 1" not in line for line in first.lines[-1:])
    second.wait_for("waiting for worker 2")
    second.send(signal.SIGTERM)
    assert second.end().startswith("Stopped")


def test_one_that_goes_away_is_waited_for_again(tmp_path):
    workers = free_addresses(3)
    first, second = Worker(tmp_path, workers, 0), Worker(tmp_path, workers, 1)
    second.wait_for("waiting for worker 2")
    second.send(signal.SIGKILL)
    second.end()
    others = [Worker(tmp_path, workers, 2)]
    others[0].wait_for(f"worker 1 ({workers[1]})")
    others.append(Worker(tmp_path, workers, 1))
    assert [each.end() for each in (first, *others)] == ["met"] * 3


def test_many_missing_ones_are_one_short_line(tmp_path):
    workers = free_addresses(20)
    worker = Worker(tmp_path, workers, 3, timeout=2)
    line = worker.end()
    assert "worker 0 (" in line and "and 11 more" in line and len(line) < 500


def test_port_in_use():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        workers = ("localhost:1", f"localhost:{port}")
        with pytest.raises(UsageError, match=rf"port {port} of worker 1 .* in use"):
            meet(Cluster(workers, 1))


def test_port_is_free_behind_it(tmp_path):
    workers = free_addresses(2)
    started = [Worker(tmp_path, workers, index) for index in range(2)]
    assert [each.end() for each in started] == ["met"] * 2
    for address in workers:
        with socket.create_server(("", int(address.split(":")[1]))):
            pass


def test_unknown_host_is_told(tmp_path):
    workers = (*free_addresses(1), "no-such-host.invalid:12345")
    worker = Worker(tmp_path, workers, 0, timeout=3)
    assert "worker 1 (no-such-host.invalid:12345)" in worker.end()
    assert "an unknown host" in worker.lines[-1]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n", b"\x00\x00\x12\x04" * 100, b"x" * 9999])
def test_another_program_at_a_workers_address_is_no_worker(tmp_path, answer):
    with socket.create_server(("", 0)) as other:

        def serve():
            while True:
                connection, _ = other.accept()
                connection.sendall(answer)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        workers = (*free_addresses(1), f"localhost:{other.getsockname()[1]}")
        worker = Worker(tmp_path, workers, 0, timeout=3)
        line = worker.end()
        assert line.startswith("UsageError: worker 1") and "did not start" in line


def test_strangers_that_ask_do_no_harm(tmp_path):
    workers = free_addresses(2)
    worker = Worker(tmp_path, workers, 0)
    worker.wait_for("waiting")
    address = ("localhost", int(workers[0].split(":")[1]))
    for content in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 9999, b"nrnm_keras x 1 1\nseen\n"):
        with socket.create_connection(address) as connection:
            connection.sendall(content)
    assert Worker(tmp_path, workers, 1).end() == "met" == worker.end()


def test_other_cluster_is_refused(tmp_path):
    workers = free_addresses(3)
    started = [Worker(tmp_path, workers[:2], 0), Worker(tmp_path, workers, 1)]
    # Whoever asks first ends; the other one has nobody to ask any more.
    end = time.monotonic() + PATIENCE
    while not (ended := [worker for worker in started if "UsageError" in " ".join(worker.lines)]):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert "has a different cluster in its TF_CONFIG" in ended[0].end()
    for worker in started:
        if worker not in ended:
            worker.send(signal.SIGKILL)


def test_same_index_twice(tmp_path):
    workers = free_addresses(2)
    first = Worker(tmp_path, workers, 0)
    first.wait_for("waiting")
    assert "in use" in Worker(tmp_path, workers, 0).end()
    # On other machines with the same port number its port is free.
    port = int(workers[0].split(":")[1])
    both = (f"127.0.0.1:{port}", f"localhost:{port}")
    first.send(signal.SIGKILL)
    first.end()
    worker = Worker(tmp_path, both, 0)
    assert re.match(r"UsageError: TF_CONFIG: .* has index 0.*; expected ", worker.end())

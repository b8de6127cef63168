import contextlib
import doctest
import errno
import fcntl
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

import pipelines.locks
from pipelines.locks import FILE_NAME, claimed, claimed_folder, locked, waiting
from pipelines.publishing import publish, publish_into

REPOSITORY = pathlib.Path(__file__).parents[2]
PATIENCE = 120  # seconds, for what a test waits for
# Holds a lock until it is killed or its standard input ends.
HOLD = """
import sys
from pipelines.locks import locked
with locked(sys.argv[1], print, sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


class Held(Exception):
    pass


def refuse(holder):
    raise Held(str(holder))


def python(program, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@contextlib.contextmanager
def holder_of(path, *task):
    """A process that holds a lock; killed at the end, if it has not ended by then."""
    process = python(HOLD, path, *task)
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_lock_that_is_held_names_host_process_and_time(tmp_path):
    path = tmp_path / FILE_NAME
    before = time.time()
    with holder_of(path) as process, pytest.raises(Held) as caught, locked(path, refuse):
        pass
    found = re.fullmatch(r"process (\d+) on (\S+) since (\S+ \S+)", str(caught.value))
    assert (int(found[1]), found[2]) == (process.pid, socket.gethostname())
    since = time.mktime(time.strptime(found[3][:19], "%Y-%m-%d %H:%M:%S"))
    assert int(before) <= since <= time.time()


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_lock_is_free_when_its_holder_is_dead_however_it_died(ending, tmp_path):
    path = tmp_path / FILE_NAME
    with holder_of(path) as process:
        process.send_signal(getattr(signal, ending))
        process.wait()
        # The file that SIGKILL leaves says nothing.
        assert path.exists() == (ending != "SIGINT")
        with locked(path, refuse):
            pass
    assert not list(tmp_path.iterdir())


def test_lock_is_free_at_the_end_of_the_block(tmp_path):
    path = tmp_path / FILE_NAME
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(path, refuse):
            assert path.exists()
            raise ZeroDivisionError
        assert not path.exists()


def test_other_paths_are_not_locked(tmp_path):
    with locked(tmp_path / "a", refuse), locked(tmp_path / "b", refuse):
        pass


def test_second_process_waits_and_says_for_whom(tmp_path, capfd):
    path = tmp_path / FILE_NAME
    with holder_of(path) as first:
        program = "import sys; from pipelines import locks\n"
        program += "with locks.locked(sys.argv[1], locks.waiting('there')): print('mine')"
        second = python(program, path)
        line = second.stderr.readline()
        assert re.fullmatch(
            rf"waiting for process {first.pid} on \S+ since .*, which writes to there\n", line
        )
        assert second.poll() is None
        first.stdin.close()
        output, errors = second.communicate(timeout=PATIENCE)
    assert (second.returncode, output, errors) == (0, "mine\n", "")
    assert not path.exists()


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT"])
def test_waiting_ends_with_a_signal(ending, tmp_path):
    path = tmp_path / FILE_NAME
    with holder_of(path):
        program = "import sys; from pipelines import locks\n"
        program += "with locks.locked(sys.argv[1], locks.waiting('there')): print('mine')"
        second = python(program, path)
        assert second.stderr.readline().startswith("waiting")
        second.send_signal(getattr(signal, ending))
        assert "mine" not in second.communicate(timeout=PATIENCE)[0]
        assert second.returncode == -getattr(signal, ending)
        with pytest.raises(Held), locked(path, refuse):
            pass


@pytest.mark.parametrize(("task", "repeats"), [(["x", "a b"], True), (["x a", "b"], False)])
def test_whether_the_process_before_did_the_same(task, repeats, tmp_path):
    path = tmp_path / FILE_NAME
    with locked(path, refuse, task) as lock:
        assert not lock.repeats
    with holder_of(path, "x", "a b") as first:
        with locked(path, lambda holder: first.stdin.close(), task) as lock:
            assert lock.repeats == repeats


def test_one_at_a_time(tmp_path):
    """Many processes that count in one file, and whose lock's file comes and goes."""
    (tmp_path / "count").write_text("0")
    program = """
import os, pathlib, sys
from pipelines.locks import locked
count = pathlib.Path(sys.argv[1], "count")
for _ in range(50):
    with locked(count.with_name(".lock"), lambda holder: None):
        number = int(count.read_text())
        os.sched_yield()
        count.write_text(str(number + 1))
"""
    processes = [python(program, tmp_path) for _ in range(6)]
    for process in processes:
        assert process.communicate(timeout=PATIENCE)[1] == ""
    assert (tmp_path / "count").read_text() == "300"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_process_that_inherits_a_lock_holds_it_too(tmp_path):
    path = tmp_path / FILE_NAME
    with locked(path, refuse) as lock:
        child = python("input()", pass_fds=[lock.descriptor])
        # As if this process were killed: its file is closed, and stays.
        os.dup2(os.open(os.devnull, os.O_RDONLY), lock.descriptor)
    assert path.exists()
    with pytest.raises(Held, match=f"process {os.getpid()} "), locked(path, refuse):
        pass
    child.communicate("\n")
    with locked(path, refuse):
        pass


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"7", b"\xff" * 9, b'["\\u001b[2Jhost", 1, "now", ""]', b'["a", "1", "b"]']
    + [b"[" * 5000, b'["a", 1, 2, 3]', b'{"host": 1}'],
)
def test_whatever_stands_in_the_file_is_no_more_than_another_process(content, tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Held) as caught, locked(path, refuse):
            pass
    assert str(caught.value) == "another process"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_file_system_without_locks_is_named_once_and_nothing_removed(
    number, tmp_path, monkeypatch, capsys
):
    def flock(descriptor, operation):
        raise OSError(number, os.strerror(number))

    leftover = kill_while_publishing(lambda: publish(tmp_path / "thing"), tmp_path)
    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(tmp_path / "thing") as lock:
        assert (lock.descriptor, lock.repeats) == (None, False)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {tmp_path}/.thing.lock: this file system has no locks")
    assert leftover.exists()


@pytest.mark.parametrize("place", ["missing/x", "file/x"])
def test_lock_that_cannot_be_made(place, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError), locked(tmp_path / place, refuse):
        pass


def test_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("mine")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError), locked(tmp_path / FILE_NAME, refuse):
        pass
    assert (tmp_path / "secret").read_text() == "mine"


def kill_while_publishing(context, folder):
    """Kills a process while it writes; returns what it leaves in a folder."""
    before = set(folder.iterdir())
    process = os.fork()
    if not process:
        with context():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    (leftover,) = set(folder.iterdir()) - before
    return leftover


def test_claim_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path):
    def publish_more():
        return publish(tmp_path / "thing.more")

    mine = kill_while_publishing(lambda: publish(tmp_path / "thing"), tmp_path)
    other = kill_while_publishing(publish_more, tmp_path)
    into = kill_while_publishing(lambda: publish_into(tmp_path), tmp_path)
    with claimed(tmp_path / "thing"):
        assert not mine.exists() and other.exists() and into.exists()
        with publish(tmp_path / "thing") as path:
            path.write_text("whole")
            with pytest.raises(Held), locked(tmp_path / ".thing.lock", refuse):
                pass
    with claimed_folder(tmp_path):
        assert other.exists() and not into.exists()
    with claimed(tmp_path / "thing.more"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_relative_paths_are_those_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with claimed("thing"), pytest.raises(Held), locked(tmp_path / ".thing.lock", refuse):
        pass


def test_waiting_is_said_on_standard_error(capsys):
    waiting("the place")("somebody")
    output = capsys.readouterr()
    assert output.err == "waiting for somebody, which writes to the place\n" and not output.out


def test_examples_in_docstrings():
    results = doctest.testmod(pipelines.locks)
    assert results.attempted > 0 and results.failed == 0

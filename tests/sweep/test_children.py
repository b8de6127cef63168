"""Processes of a sweep that is asked to stop."""

import os
import signal
import sys
import threading
import time

import pytest

from nrnm_keras.errors import Stopped
from nrnm_keras.sweep.children import Children

PATIENCE = 60
CHILD = """
import pathlib, signal, sys, time
folder, when_asked = pathlib.Path(sys.argv[1]), sys.argv[2]
def save(*_):
    (folder / "saved").touch()
    if when_asked == "end":
        sys.exit(75)
signal.signal(signal.SIGTERM, save)
(folder / "begun").touch()
time.sleep(600)
"""


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def handlers():
    """Signals are handled as in a program that was started from a terminal."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


class Started:
    """Children in threads of their own."""

    def __init__(self, children, folder, count=1, when_asked="end"):
        self.folders = [folder / str(number) for number in range(count)]
        self.codes = []
        self._threads = [
            threading.Thread(target=self._run, args=(children, each, when_asked))
            for each in self.folders
        ]
        for each, thread in zip(self.folders, self._threads, strict=True):
            each.mkdir()
            thread.start()
            wait_for((each / "begun").exists)

    def _run(self, children, folder, when_asked):
        command = [sys.executable, "-c", CHILD, str(folder), when_asked]
        self.codes.append(children.run(command))

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    @property
    def have_saved(self):
        return all((each / "saved").exists() for each in self.folders)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_all_save_and_end_and_no_other_begins(name, handlers, tmp_path, capfd):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with Children() as children:
        started = Started(children, tmp_path, count=3)
        os.kill(os.getpid(), number)
        started.join()
        assert started.have_saved and started.codes == [75] * 3
        assert children.asked_by == name
        for what in (lambda: children.run([sys.executable, "-c", ""]), lambda: children.wait(60)):
            with pytest.raises(Stopped, match=name):
                what()
    assert signal.getsignal(number) == before
    assert f"stopping ({name})" in capfd.readouterr().err


def test_second_ctrl_c_kills(handlers, tmp_path):
    with Children() as children:
        started = Started(children, tmp_path, when_asked="go on")
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: started.have_saved)
        assert not started.codes
        os.kill(os.getpid(), signal.SIGINT)
        started.join()
        assert started.codes == [-signal.SIGKILL]


def test_scheduler_that_repeats_itself_kills_nothing(handlers, tmp_path):
    with Children() as children:
        started = Started(children, tmp_path)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        started.join()
        assert started.codes == [75]


def test_error_of_the_parent_ends_them(handlers, tmp_path):
    with pytest.raises(KeyError), Children() as children:
        started = Started(children, tmp_path, count=2)
        raise KeyError
    started.join()
    assert started.have_saved and children.asked_by is None


def test_hangup_that_is_ignored_ends_nothing(handlers, tmp_path):
    """As under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Children() as children:
        started = Started(children, tmp_path)
        os.kill(os.getpid(), signal.SIGHUP)
        assert children.run([sys.executable, "-c", ""]) == 0
        assert children.asked_by is None and not started.codes


def test_wait_is_over_in_time():
    with Children() as children:
        children.wait(0.01)

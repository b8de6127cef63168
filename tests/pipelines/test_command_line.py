"""The shell of the commands: interruptions."""

import gc
import os
import signal
import sys
import time

import pytest

from pipelines.command_line import run_command


def interrupt():
    """What Ctrl-C does, and time for Python to see it."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass


class Dying:
    """An object whose destructor is interrupted. Python drops the exception."""

    def __del__(self):
        interrupt()


def in_a_destructor():
    Dying()


def in_a_callback_of_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        interrupt()

    gc.callbacks.append(callback)
    gc.collect()


@pytest.mark.parametrize(
    "place", [interrupt, in_a_destructor, in_a_callback_of_the_garbage_collector]
)
def test_ctrl_c_is_not_lost(place, capsys):
    def run(words):
        place()
        time.sleep(60)
        return 0

    hook = sys.unraisablehook
    assert run_command(run, []) == 130
    assert capsys.readouterr().err.splitlines() == ["interrupted: nothing was written"]
    assert sys.unraisablehook is hook


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_exceptions_in_destructors_are_reported(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: reported.append(dropped.exc_type))

    class Failing:
        def __del__(self):
            raise ValueError

    def run(words):
        Failing()
        return 0

    assert run_command(run, []) == 0
    assert reported == [ValueError]

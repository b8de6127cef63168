import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from nrnm_keras.commands.stopping import StopRequest


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_sigterm_asks_for_it_and_does_no_more():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert stop.reason is None
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: stop.reason)
        assert stop.reason == "SIGTERM"
        os.kill(os.getpid(), signal.SIGTERM)  # once more does not end the process either
        assert stop.reason == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_handler_is_given_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with StopRequest():
            raise KeyError
    except KeyError:
        assert signal.getsignal(signal.SIGTERM) == before


def test_time_limit_asks_for_it():
    stop = StopRequest(time_limit=0.02)
    wait_for(lambda: stop.reason)
    assert stop.reason == "time_limit"


def test_no_time_limit_is_far_away():
    assert StopRequest(time_limit=3600).reason is None
    assert StopRequest(time_limit=0).reason is None


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_reason_is_the_signals_name(name):
    with StopRequest() as stop:
        os.kill(os.getpid(), getattr(signal, name))
        wait_for(lambda: stop.reason)
        assert stop.reason == name


def test_hangup_that_is_ignored_stops_nothing():
    """As under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.reason is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_terminal_that_is_gone_does_not_end_it_before_it_has_saved(tmp_path):
    program = """
import pathlib, signal, sys, time
from nrnm_keras.commands.stopping import StopRequest
signal.signal(signal.SIGHUP, signal.SIG_DFL)
with StopRequest() as stop:
    print("begun", flush=True)
    while not stop.reason:
        time.sleep(0.01)
    print("saving", flush=True)
    pathlib.Path(sys.argv[1]).write_text(stop.reason)
"""
    terminal, its_other_end = pty.openpty()
    command = [sys.executable, "-c", program, str(tmp_path / "saved")]
    process = subprocess.Popen(command, stdout=its_other_end, stderr=its_other_end)
    os.close(its_other_end)
    output = b""
    while b"begun\r\n" not in output:  # the program's write must not be cut off
        output += os.read(terminal, 1000)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    assert process.wait() == 0
    assert (tmp_path / "saved").read_text() == "SIGHUP"


def test_ctrl_c_asks_for_it_and_a_second_one_ends_the_process_at_once():
    program = (
        "import os, signal, time\n"
        "from nrnm_keras.commands.stopping import StopRequest\n"
        "with StopRequest() as stop, stop.at_interrupts():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    while not stop.reason: time.sleep(0.001)\n"
        "    print(stop.reason, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
        "    print('still here')\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 130 and result.stdout == "SIGINT\n"
    assert result.stderr.splitlines()[-1] == "saving after this step; Ctrl-C again ends at once"

"""Processes that must not outlive the one that started them."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from nrnm_keras.commands import child_process
from tests.running import has_ended

PATIENCE = 60
# What is started writes the number of its process and waits; on SIGTERM it leaves a file, as if it
# saved.
CHILD = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def save(*_):
    (folder / "saved").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
(folder / "written").write_text(str(os.getpid()))
(folder / "written").rename(folder / "child")
time.sleep(600)
"""
# Without the rest of the library, whose import takes seconds. A shell may ignore hangups.
BEGINNING = f"""
import os, signal, subprocess, sys
sys.path.append({str(pathlib.Path(child_process.__file__).parent)!r})
import child_process
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
PARENT = f"""{BEGINNING}
child_process.run([sys.executable, "-c", *sys.argv[1:]])
"""
WATCHING_PARENT = f"""{BEGINNING}
program = "import sys; sys.path.append(sys.argv[1]); from child_process import _watch; "
program += "sys.exit(_watch(int(sys.argv[2]), sys.argv[3:]))"
command = [sys.executable, "-c", program, sys.path[-1], str(os.getpid())]
subprocess.run([*command, sys.executable, "-c", *sys.argv[1:]], start_new_session=True)
"""


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def started(parent, folder):
    """Starts a parent and its child; returns the first's `Popen` and the other's number."""
    process = subprocess.Popen([sys.executable, "-c", parent, CHILD, str(folder)])
    wait_for((folder / "child").exists)
    return process, int((folder / "child").read_text())


@pytest.mark.parametrize("parent", [PARENT, WATCHING_PARENT], ids=["told", "watching"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGHUP", "SIGSEGV"])
def test_child_saves_and_ends_with_its_parent(parent, name, tmp_path):
    process, child = started(parent, tmp_path)
    process.send_signal(getattr(signal, name))
    process.wait()
    wait_for(lambda: has_ended(child))
    assert (tmp_path / "saved").exists()


def test_ctrl_c_ends_the_child_too(tmp_path):
    process, child = started(PARENT, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    wait_for(lambda: has_ended(child))


def test_child_is_beyond_the_reach_of_the_terminal(tmp_path):
    process, child = started(PARENT, tmp_path)
    assert os.getsid(child) == child != os.getsid(process.pid)
    process.kill()
    process.wait()


def test_child_goes_on_while_another_thread_waits_for_it():
    """Linux tells a child of the end of the thread that started it."""
    codes = []
    command = [sys.executable, "-c", "import time; time.sleep(0.5)"]
    thread = threading.Thread(target=lambda: codes.append(child_process.run(command).returncode))
    thread.start()
    thread.join()
    assert codes == [0]


def test_parent_that_ended_before_the_child_began():
    command = child_process.bound_to_this_process([sys.executable, "-c", "print('started')"])
    command[command.index(str(os.getpid()))] = "1"  # no parent of this test's processes
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize("code", [0, 1, 75])
def test_exit_code_environment_and_words_arrive(code):
    program = f"import os, sys; print(os.environ['A'], sys.argv[1:]); sys.exit({code})"
    words = ["--text=ä b", "", "'*'"]
    command = [sys.executable, "-c", program, *words]
    result = child_process.run(
        command, env={**os.environ, "A": "x"}, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (code, f"x {words}\n")

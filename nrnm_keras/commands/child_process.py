"""Processes that do not outlive the one that starts them, however it ends.

This file is also the program that the process begins as: it asks the system to be told of its
parent's end, and becomes the command. It needs the standard library only.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_SECONDS_BETWEEN_LOOKS = 0.5


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """Does what `subprocess.run` does; the process gets SIGTERM when this one ends, killed or not.

    It has a session of its own: a terminal's Ctrl-C and hangup reach this process only, which then
    ends the other.

    Args:
        command: list of words, the first of them the path of a program.
        options: those of `subprocess.run`.

    Returns:
        The `subprocess.CompletedProcess`.

    Example:

    >>> run([sys.executable, "-c", "print(2 + 2)"], capture_output=True, text=True).stdout
    '4\\n'
    """
    with_session = {"stdin": subprocess.DEVNULL, "start_new_session": True, **options}
    return subprocess.run(bound_to_this_process(command), **with_session)


def start(command: Sequence[str], **options: Any) -> subprocess.Popen:
    """Returns the `subprocess.Popen` of the same, still running.

    Linux counts the end of the thread that called this as the parent's end: the thread has to wait
    for the process.
    """
    with_session = {"stdin": subprocess.DEVNULL, "start_new_session": True, **options}
    return subprocess.Popen(bound_to_this_process(command), **with_session)


def bound_to_this_process(command: Sequence[str]) -> list[str]:
    """Returns a command that does the same, and gets SIGTERM when this process ends."""
    # What the child runs between fork and exec may lock up where there are threads, as there are
    # with TensorFlow: so it is a program that does it.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent, command):
    """Asks Linux for SIGTERM at the end of the parent, and becomes the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it ended before it was asked for
        return 128 + signal.SIGTERM
    os.execvp(command[0], command)


def _watch(parent, command):
    """Runs the command beside this process, which passes SIGTERM on and watches the parent.

    For systems that do not tell a process of its parent's end.
    """
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    child = subprocess.Popen(command)
    while True:
        try:
            code = child.wait(_SECONDS_BETWEEN_LOOKS)
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            if asked or os.getppid() != parent:
                child.terminate()
                asked.clear()


if __name__ == "__main__":
    _start = _become if sys.platform == "linux" else _watch
    sys.exit(_start(int(sys.argv[1]), sys.argv[2:]))

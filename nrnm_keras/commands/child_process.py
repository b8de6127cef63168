"""Processes that do not outlive the one that starts them, however it ends.

This file is also the program that the child starts as: it asks the system for a signal when its
parent ends, and then becomes the command. It needs only the standard library.
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
    """Does what `subprocess.run` does; the child gets SIGTERM when this process ends or is killed.

    The child has its own session: a terminal's Ctrl-C and hangup reach only this process, which
    then ends the child.

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
    """Starts a process as `run` does, and returns its `subprocess.Popen` without waiting.

    On Linux the child gets the signal when the calling thread ends. So this thread must wait for
    the child.
    """
    with_session = {"stdin": subprocess.DEVNULL, "start_new_session": True, **options}
    return subprocess.Popen(bound_to_this_process(command), **with_session)


def bound_to_this_process(command: Sequence[str]) -> list[str]:
    """Returns a command that does the same, and gets SIGTERM when this process ends."""
    # Code between fork and exec (`preexec_fn`) may deadlock in a process with threads, such as
    # TensorFlow's. A separate program cannot.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent, command):
    """Asks Linux for SIGTERM at the end of the parent, and becomes the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # the parent ended before the call
        return 128 + signal.SIGTERM
    os.execvp(command[0], command)


def _watch(parent, command):
    """Runs the command as a child, passes SIGTERM on to it, and watches the parent.

    For systems that send no signal when the parent ends.
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

"""Commands in processes of their own, two at a time."""

import pathlib
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import psutil

REPOSITORY = pathlib.Path(__file__).parents[1]
# More seconds than any command takes, even where many processes share one core.
PATIENCE = 900


class Ended(NamedTuple):
    """How a command has ended."""

    code: int
    output: str
    errors: str


def start(module, *arguments):
    """Starts `python -m MODULE`."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def has_ended(number):
    """Whether a process has ended, by its number; its parent may not have asked for it yet."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition, process):
    """Waits until a function of no arguments returns something true while a process runs."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.02)


def run_twice(has_begun, module, *arguments):
    """Runs a command and, when it has begun, the same once more, which has to wait for it.

    Args:
        has_begun: function of no arguments.
        module: the command's module.
        *arguments: its arguments.

    Returns:
        A pair of `Ended`, and the line in which the second one says that it waits.
    """
    first = start(module, *arguments)
    second = None
    try:
        wait_until(has_begun, first)
        first.send_signal(signal.SIGSTOP)
        second = start(module, *arguments)
        waits = next(line for line in second.stderr if line.startswith("waiting for "))
        assert f"process {first.pid} on " in waits
        first.send_signal(signal.SIGCONT)
        ended = [(*each.communicate(timeout=PATIENCE), each) for each in (first, second)]
        return [Ended(each.returncode, *texts) for *texts, each in ended], waits
    finally:
        for each in filter(None, (first, second)):
            each.kill()
            each.wait()

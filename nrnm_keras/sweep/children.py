"""Children: the processes of a sweep, which save and stop when the sweep is stopped."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import Any, Self

from nrnm_keras.commands import child_process
from nrnm_keras.commands.stopping import STOP_SIGNALS, handled
from nrnm_keras.errors import Stopped


class Children:
    """Runs processes from several threads. All of them end before the context does.

    SIGTERM, SIGHUP and Ctrl-C are passed on to the processes as SIGTERM, on which a training saves
    and exits, and no other process is started. A second Ctrl-C kills them. Only the main thread can
    enter the context.

    Attributes:
        asked_by: name of the signal that requested the stop; None before.
    """

    def __init__(self) -> None:
        self.asked_by: str | None = None
        self._running: set[subprocess.Popen] = set()
        self._asked = threading.Event()

    def __enter__(self) -> Self:
        self._handlers = handled([*STOP_SIGNALS, signal.SIGINT], self._receive)
        self._handlers.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.end()
        for process in list(self._running):
            process.wait()
        self._handlers.__exit__(*exception)

    def run(self, command: Sequence[str], **options: Any) -> int:
        """Runs a command to its end and returns its exit code.

        Args:
            command: list of words.
            options: those of `subprocess.Popen`.

        Raises:
            Stopped: if the processes have been asked to stop.
        """
        self.raise_if_asked()
        process = child_process.start(command, **options)
        self._running.add(process)
        if self._asked.is_set():  # the request came while the process started
            process.terminate()
        code = process.wait()
        self._running.discard(process)
        return code

    def wait(self, seconds: float) -> None:
        """Waits for some seconds.

        Raises:
            Stopped: as soon as the processes are asked to stop.
        """
        self._asked.wait(seconds)
        self.raise_if_asked()

    def raise_if_asked(self) -> None:
        """Raises `Stopped` if the processes have been asked to stop."""
        if self._asked.is_set():
            raise Stopped(f"stopped ({self.asked_by or 'a run ended early'})")

    def end(self) -> None:
        """Asks all processes to save and exit; no other is started."""
        self._asked.set()
        for process in list(self._running):
            process.terminate()

    def _receive(self, number, _):
        name = signal.Signals(number).name
        if number == signal.SIGINT and self.asked_by == name:
            for process in list(self._running):
                os.killpg(process.pid, signal.SIGKILL)
            return
        self.asked_by = self.asked_by or name
        self.end()
        with contextlib.suppress(OSError):  # after a hangup the terminal is gone
            # The signal may interrupt a `print`, which is not reentrant.
            os.write(2, f"\nstopping ({name}): trainings that are running save first\n".encode())

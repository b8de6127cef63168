"""Children: the processes of a sweep, which are asked to save when the sweep is asked to stop."""

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
    """Runs processes from several threads, all of which end before this context does.

    SIGTERM, SIGHUP and Ctrl-C are passed on to them as SIGTERM, on which a training saves and ends;
    no other is started then. A second Ctrl-C kills them. Only the main thread can enter it.

    Attributes:
        asked_by: name of the signal that asked to stop, None before.
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
        if self._asked.is_set():  # while it was started
            process.terminate()
        code = process.wait()
        self._running.discard(process)
        return code

    def wait(self, seconds: float) -> None:
        """Waits so long.

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
        """Asks all processes to save and to end; no other is started."""
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
        with contextlib.suppress(OSError):  # a hangup's terminal is gone
            # This may come in the middle of a `print`, which cannot be called again before its end.
            os.write(2, f"\nstopping ({name}): what is running saves first\n".encode())

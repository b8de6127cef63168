"""StopRequest: a request to stop a training, by a signal or a time limit."""

import contextlib
import errno
import os
import signal
import termios
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

# Signals that ask a process to save and exit: a scheduler's, and that of a closed terminal.
STOP_SIGNALS = [signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    STOP_SIGNALS.append(signal.SIGHUP)


INTERRUPTED = signal.SIGINT.name
_EXIT_INTERRUPTED = 130  # what a shell reports after Ctrl-C


class StopRequest:
    """Tells whether the process should stop. Within its context, SIGTERM and SIGHUP request it.

    Args:
        time_limit: seconds from now after which it should stop too; 0 for never.
    """

    def __init__(self, time_limit: float = 0) -> None:
        self._deadline = time.monotonic() + time_limit if time_limit else None
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the process should stop; None if it should not."""
        if not self._reason and self._deadline and time.monotonic() > self._deadline:
            self._reason = "time_limit"
        return self._reason

    def __enter__(self) -> Self:
        self._handlers = handled(STOP_SIGNALS, self._receive)
        self._handlers.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._handlers.__exit__(*exception)

    @contextlib.contextmanager
    def at_interrupts(self) -> Iterator[None]:
        """Within this context, Ctrl-C requests it too, and a second one ends the process at once.

        Python's own handler raises an exception instead, which is lost if a destructor or a
        callback of the garbage collector happens to run.
        """
        with handled([signal.SIGINT], self._interrupt):
            yield

    def _interrupt(self, *_):
        if self._reason == INTERRUPTED:
            os._exit(_EXIT_INTERRUPTED)
        self._reason = INTERRUPTED
        with contextlib.suppress(OSError):  # closed
            # The line of a progress bar may be unfinished.
            os.write(2, b"\nsaving after this step; Ctrl-C again ends at once\n")

    def _receive(self, number, _):
        self._reason = signal.Signals(number).name
        _leave_lost_terminal()


def _leave_lost_terminal():
    """Discards output to a terminal that is gone: writing to it would raise an error."""
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


@contextlib.contextmanager
def handled(signals: Iterable[signal.Signals], function: Any) -> Iterator[None]:
    """Within this context, a function of a signal's number and a frame handles some signals.

    A hangup or Ctrl-C that was ignored stays ignored, as `nohup` and shells expect.
    """
    old = {each: signal.getsignal(each) for each in signals}
    kept: list[signal.Signals] = [
        each for each in old if each != signal.SIGTERM and old[each] == signal.SIG_IGN
    ]
    for each in kept:
        del old[each]
    for each in old:
        signal.signal(each, function)
    try:
        yield
    finally:
        for each, handler in old.items():
            # None is a handler that Python did not set, and cannot set again.
            signal.signal(each, signal.SIG_DFL if handler is None else handler)

"""StopRequest: asking a training to stop, by a signal or a time limit."""

import signal
import time


class StopRequest:
    """Tells whether the process should stop; a context in which SIGTERM asks for it.

    Args:
        terminate_after: seconds from now after which it should stop too; 0 for never.
    """

    def __init__(self, terminate_after=0):
        self._deadline = time.monotonic() + terminate_after if terminate_after else None
        self._reason = None

    @property
    def reason(self):
        """Why the process should stop; None if it should not."""
        if not self._reason and self._deadline and time.monotonic() > self._deadline:
            self._reason = "terminate_after"
        return self._reason

    def __enter__(self):
        self._old = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGTERM, self._old)

    def _receive(self, *_):
        self._reason = "SIGTERM"

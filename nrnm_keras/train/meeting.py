"""Makes sure that all workers of a training are running before TensorFlow connects them.

TensorFlow waits for missing workers silently and ignores signals, so the workers first find each
other here. Each process listens at its own address and contacts the others until each has answered.
A process reports that it is ready once it has found all others, and continues once all others have
reported that they are ready.
"""

import contextlib
import hashlib
import signal
import socket
import socketserver
import threading
import time

from nrnm_keras.commands.stopping import STOP_SIGNALS, handled
from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.train.cluster import Cluster, host_and_port
from pipelines.console import say

_SECONDS_BETWEEN_QUESTIONS = 0.5
_SECONDS_FOR_AN_ANSWER = 5
_SECONDS_BETWEEN_REPORTS = 10
_SECONDS_BEFORE_THE_FIRST = 1
_MOST_NAMED = 8
_LONGEST_LINE = 200
_GREETING, _THANKS = "nrnm_keras", b"seen\n"


def meet(cluster: Cluster, timeout: float = 0) -> None:
    """Waits until all workers of a cluster are running, and prints which are missing.

    Args:
        cluster: the `Cluster`.
        timeout: seconds after which to give up; 0 for never.

    Raises:
        UsageError: if this worker's port is in use, another worker has a different cluster or the
            same index, or the timeout is over.
        Stopped: on SIGTERM and SIGHUP.
    """
    if not cluster.others:
        return
    start = time.monotonic()
    with handled(STOP_SIGNALS, _stop), _Meeting(cluster) as meeting:
        report = start + _SECONDS_BEFORE_THE_FIRST
        while missing := meeting.missing():
            now = time.monotonic()
            if timeout and now > start + timeout:
                raise UsageError(
                    f"{missing} did not start within cluster_timeout={timeout} s; start all "
                    "workers again"
                )
            if now > report:
                say(f"waiting for {missing} ({now - start:.0f} s)")
                report = now + _SECONDS_BETWEEN_REPORTS
            time.sleep(_SECONDS_BETWEEN_QUESTIONS / 5)
        if report > start + _SECONDS_BEFORE_THE_FIRST:
            say(f"all {len(cluster.workers)} workers are running")


def _stop(number, _):
    name = signal.Signals(number).name
    raise Stopped(f"stopped while waiting for the other workers ({name})")


class _Meeting:
    """What this worker knows about the others, and the threads that find out."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._digest = hashlib.sha256("\n".join(cluster.workers).encode()).hexdigest()[:16]
        self._found, self._met, self._notes = set(), set(), {}
        self._fault = None
        self._over = threading.Event()

    def __enter__(self):
        self._server = _listen(self._cluster, self._answer)
        threads = [threading.Thread(target=self._server.serve_forever, daemon=True)]
        for index in self._cluster.others:
            threads.append(threading.Thread(target=self._look_for, args=(index,), daemon=True))
        for thread in threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def missing(self):
        """Describes which workers are missing; empty if all are running and ready.

        Raises:
            UsageError: if a worker has the wrong cluster or index.
        """
        if self._fault:
            raise UsageError(self._fault)
        found, met = set(self._found), set(self._met)
        waiting = [index for index in self._cluster.others if index not in met]
        missing = [index for index in waiting if index not in found]
        named = [self._cluster.named(index) + self._notes.get(index, "") for index in missing]
        if not missing:
            named = [f"{self._cluster.named(i)}, itself waiting for others" for i in waiting]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        return ", ".join(named[:_MOST_NAMED]) + more

    @property
    def _is_ready(self):
        return self._found | self._met >= set(self._cluster.others)

    def _line(self):
        """Returns the line that this worker sends about itself, and whether it is ready."""
        is_ready = self._is_ready
        words = (_GREETING, self._digest, str(self._cluster.index), str(int(is_ready)))
        return f"{' '.join(words)}\n".encode(), is_ready

    def _read(self, file):
        """Reads another worker's line: its digest, its index, and whether it is ready.

        Raises:
            ValueError: if the line is from another program.
        """
        greeting, digest, index, ready = file.readline(_LONGEST_LINE).decode("ascii").split()
        if greeting != _GREETING:
            raise ValueError
        return digest, int(index), bool(int(ready))

    def _look_for(self, index):
        """Contacts a worker until both are ready."""
        while index not in self._met and not self._over.is_set():
            try:
                self._ask(index)
            except (OSError, ValueError) as error:
                self._found.discard(index)
                self._notes[index] = _note(error)
            self._over.wait(_SECONDS_BETWEEN_QUESTIONS)

    def _ask(self, index):
        address = host_and_port(self._cluster.workers[index])
        with socket.create_connection(address, _SECONDS_FOR_AN_ANSWER) as connection:
            connection.settimeout(_SECONDS_FOR_AN_ANSWER)
            line, is_ready = self._line()
            connection.sendall(line)
            digest, its_index, it_is_ready = self._read(connection.makefile("rb"))
            connection.sendall(_THANKS)
        self._notes.pop(index, None)
        if digest != self._digest:
            self._fault = (
                f"{self._cluster.named(index)} has a different cluster in its TF_CONFIG; expected "
                "the same in all processes"
            )
        elif its_index != index:
            self._fault = (
                f"TF_CONFIG: the process at {self._cluster.workers[index]} has index {its_index}; "
                f"expected {index}, a different index for each process"
            )
        else:
            self._found.add(index)
            if is_ready and it_is_ready:
                self._met.add(index)  # a stranger's index makes no difference

    def _answer(self, stream):
        """Answers a worker that connects."""
        digest, index, it_is_ready = self._read(stream)
        line, is_ready = self._line()
        stream.write(line)
        stream.flush()
        has_seen = stream.readline(_LONGEST_LINE) == _THANKS
        if digest == self._digest and index == self._cluster.index:
            self._fault = (
                f"TF_CONFIG: another process also has index {index}; expected a different one"
            )
        elif digest == self._digest and has_seen and is_ready and it_is_ready:
            self._met.add(index)  # a stranger's index makes no difference


def _note(error):
    """Describes why a worker did not answer; empty if unknown."""
    if isinstance(error, socket.gaierror):
        return ", an unknown host"
    if isinstance(error, ValueError):
        return ", where another program answers"
    return ""


def _listen(cluster, answer):
    """Returns a server on this worker's port that, like TensorFlow's, listens on all networks."""

    class Handler(socketserver.StreamRequestHandler):
        timeout = _SECONDS_FOR_AN_ANSWER

        def handle(self):
            stream = self.request.makefile("rwb")
            # Any program may connect, and may disconnect at any time.
            with contextlib.suppress(OSError, ValueError):
                answer(stream)
                stream.read(1)  # lets the other side close first, which frees the port at once

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close = True, False

        def handle_error(self, request, client_address):
            pass

    _, port = host_and_port(cluster.workers[cluster.index])
    server = Server(("", port), Handler, bind_and_activate=False)
    server.socket.close()
    has_both = socket.has_dualstack_ipv6()
    both = {"family": socket.AF_INET6, "dualstack_ipv6": True} if has_both else {}
    try:
        server.socket = socket.create_server(("", port), backlog=128, **both)
    except OSError as error:
        raise UsageError(
            f"TF_CONFIG: port {port} of {cluster.named(cluster.index)}, which is this process, "
            f"cannot be used: {error.strerror}"
        ) from error
    return server

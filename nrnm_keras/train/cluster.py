"""Cluster: the processes of a distributed training, as listed in TF_CONFIG."""

import json
import re
import socket
from typing import NamedTuple

from nrnm_keras.errors import UsageError

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):([0-9]{1,5})", re.ASCII)
_LONGEST = 500
_EXPECTED = (
    'strategy=multi_worker needs the environment variable TF_CONFIG, such as {"cluster": '
    '{"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """The addresses of all workers, `host:port`, and the index of this process."""

    workers: tuple[str, ...]
    index: int  # type: ignore[assignment]

    @property
    def others(self) -> list[int]:
        """The indices of the other workers."""
        return [index for index in range(len(self.workers)) if index != self.index]

    def named(self, index: int) -> str:
        """Returns a worker's name for messages."""
        return f"worker {index} ({self.workers[index]})"


def host_and_port(address: str) -> tuple[str, int]:
    """Returns the host and the port of an address."""
    host, port = _ADDRESS.fullmatch(address).groups()  # type: ignore[union-attr]
    return host.strip("[]"), int(port)


def read_cluster(text: str | None) -> Cluster:
    """Parses a `Cluster` from the value of the environment variable TF_CONFIG.

    Args:
        text: the value, or None if the variable is not set.

    Raises:
        UsageError: if the value is missing or malformed, or an address is invalid or repeated.
    """
    given = f"{text!r}"
    wrong = f"{_EXPECTED}; got {given if len(given) <= _LONGEST else given[:_LONGEST] + '...'}"
    try:
        config = json.loads(text or "")
        jobs, task = config["cluster"], config["task"]
        workers, kind, index = jobs["worker"], task["type"], task["index"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(wrong) from error
    if isinstance(index, str) and re.fullmatch("[0-9]{1,9}", index):
        index = int(index)
    is_list = isinstance(workers, list) and all(isinstance(each, str) for each in workers)
    if not is_list or type(index) is not int or kind != "worker" or set(jobs) != {"worker"}:
        raise UsageError(wrong)
    if not 0 <= index < len(workers):
        raise UsageError(wrong)
    _check_addresses(workers)
    return Cluster(tuple(workers), index)


def _check_addresses(workers):
    known = {}
    for index, address in enumerate(workers):
        parts = _ADDRESS.fullmatch(address)
        if not parts or not 0 < int(parts[2]) < 2**16 or not address.isprintable():
            raise UsageError(
                f"TF_CONFIG: the address of worker {index} is {address!r:.100}; expected a host "
                "and a port from 1 to 65535, such as host1:12345"
            )
        places = _places(*host_and_port(address))
        for place in places:
            if place in known:
                other = known[place]
                raise UsageError(
                    f"TF_CONFIG: workers {other} and {index} have the same address, "
                    f"{workers[other]} and {address}; expected a different address for each"
                )
        known.update(dict.fromkeys(places, index))


def _places(host, port):
    """Returns (host, port) for the host's name and for each IP address that is known so far."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        found = set()
    if host.lower() == "localhost" or found & {"127.0.0.1", "::1"}:
        found |= {"127.0.0.1", "::1"}
    return {(place, port) for place in (host.lower(), *found)}

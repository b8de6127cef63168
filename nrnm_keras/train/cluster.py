"""Cluster: the processes of a training on several machines, as TF_CONFIG names them."""

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
    """The addresses of all processes, `host:port`, and which one of them this is."""

    workers: tuple[str, ...]
    index: int  # type: ignore[assignment]

    @property
    def others(self) -> list[int]:
        """The indices of the other processes."""
        return [index for index in range(len(self.workers)) if index != self.index]

    def named(self, index: int) -> str:
        """Returns what a process is called in messages."""
        return f"worker {index} ({self.workers[index]})"


def host_and_port(address: str) -> tuple[str, int]:
    """Returns the two parts of an address."""
    host, port = _ADDRESS.fullmatch(address).groups()  # type: ignore[union-attr]
    return host.strip("[]"), int(port)


def read_cluster(text: str | None) -> Cluster:
    """Returns the `Cluster` of a text such as that of the environment variable TF_CONFIG.

    Args:
        text: string, or None.

    Raises:
        UsageError: if it is none, or its processes cannot work together.
    """
    given = f"{text!r}"
    wrong = f"{_EXPECTED}; it is {given if len(given) <= _LONGEST else given[:_LONGEST] + '...'}"
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
                    f"{workers[other]} and {address}; expected one of its own for each"
                )
        known.update(dict.fromkeys(places, index))


def _places(host, port):
    """Returns all (IP address, port) of a host, or its name where that is not known (yet)."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        found = set()
    if host.lower() == "localhost" or found & {"127.0.0.1", "::1"}:
        found |= {"127.0.0.1", "::1"}
    return {(place, port) for place in (host.lower(), *found)}

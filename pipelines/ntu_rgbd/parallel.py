"""Maps a function over items in processes that import only what the function needs.

`multiprocessing` imports the main program in every process, including TensorFlow, and fails if that
program does not expect it. These processes do not import the main program. They end when it ends
and ignore Ctrl-C in its terminal: it stops them itself.
"""

import collections
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from pipelines.errors import SourceError

_AHEAD = 8  # queued items for each process: bounds the memory, balances slow and fast items

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], num_processes: int
) -> Generator[Result, None, None]:
    """Yields `function(item)` for every item, in the order of the items.

    Args:
        function: a function that can be imported by name, or a `functools.partial` of one.
        items: the items, which can be pickled. A bounded number of them is read ahead.
        num_processes: the number of processes, at least 1.

    Raises:
        SourceError: if a process is killed, for example by the system when memory runs out.
        RuntimeError: if the function raises; it should return what is wrong with an item.

    Close the generator to stop the processes early.

    Example:

    >>> list(map_in_processes(abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(_Process(function)) for _ in range(num_processes)]
        under_way: collections.deque[_Process] = collections.deque()
        for number, item in enumerate(items):
            process = processes[number % num_processes]
            process.send(item)
            under_way.append(process)
            if len(under_way) == _AHEAD * num_processes:
                yield under_way.popleft().receive()
        while under_way:
            yield under_way.popleft().receive()


class _Process:
    """One process; a thread reads its results from the pipe, so that it never has to wait."""

    def __init__(self, function):
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            process_group=0,
        )
        self._results = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._take_results, daemon=True)
        self._thread.start()
        self.send(function)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._popen.kill()
        self._thread.join()
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.stdout.close()
        self._popen.wait()

    def send(self, item):
        with contextlib.suppress(BrokenPipeError):  # `receive` reports that the process has ended
            pickle.dump(item, self._popen.stdin)
            self._popen.stdin.flush()

    def receive(self):
        kind, result = self._results.get()
        if kind == "ended":
            raise SourceError(
                f"a process that reads the files was killed (exit code {self._popen.wait()}); "
                "check that there is enough memory"
            )
        if kind == "error":
            raise RuntimeError(f"in a process that reads the files:\n{result}")
        return result

    def _take_results(self):
        try:
            while True:
                self._results.put(pickle.load(self._popen.stdout))
        except (EOFError, pickle.UnpicklingError):
            self._results.put(("ended", None))


def _work():
    """Runs in a process: reads items from standard input, writes results to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what the function prints out of the results
    items = queue.SimpleQueue()
    threading.Thread(target=_take_items, args=(items,), daemon=True).start()
    function = items.get()
    with contextlib.suppress(BrokenPipeError):
        while True:
            item = items.get()
            try:
                result = "result", function(item)
            except Exception:
                result = "error", traceback.format_exc()
            pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
            results.flush()


def _take_items(items):
    """Reads the input, and ends the process at its end, even in the middle of an item."""
    try:
        while True:
            items.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    _work()

"""A function of many items, in processes that import nothing but what the function needs.

`multiprocessing` imports the main program again in every process, TensorFlow and all, and fails
where that program does not expect it. These processes know nothing of it, end by themselves when it
is gone, and are not reached by its terminal's Ctrl-C: it ends them.
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

from pipelines.errors import SourceError

_AHEAD = 8  # items under way for each process: bounds the memory, evens out slow and fast items


def num_cores():
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(function, items, num_processes):
    """Yields `function(item)` for every item, in the order of the items.

    Args:
        function: importable by name, as a `functools.partial` of such a function is; no lambda.
        items: iterable of what can be pickled; read a bounded number of items ahead.
        num_processes: integer, at least 1.

    Raises:
        SourceError: if a process is ended from outside, by the system for want of memory say.
        RuntimeError: if the function raises; it should return what is wrong with an item.

    Close the generator to end the processes early.

    Example:

    >>> list(map_in_processes(abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(_Process(function)) for _ in range(num_processes)]
        under_way = collections.deque()
        for number, item in enumerate(items):
            process = processes[number % num_processes]
            process.send(item)
            under_way.append(process)
            if len(under_way) == _AHEAD * num_processes:
                yield under_way.popleft().receive()
        while under_way:
            yield under_way.popleft().receive()


class _Process:
    """One process; a thread takes its results from the pipe, so that it need not wait."""

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
        with contextlib.suppress(BrokenPipeError):  # `receive` says that the process has ended
            pickle.dump(item, self._popen.stdin)
            self._popen.stdin.flush()

    def receive(self):
        kind, result = self._results.get()
        if kind == "ended":
            raise SourceError(
                f"a process that reads the files was ended (exit code {self._popen.wait()}); "
                "is there enough memory?"
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
    """What a process does: items from standard input, results to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints is no result
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
    """Reads what comes in, and ends the process, in the middle of an item too, when no more can."""
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

"""The table of measurements, on a terminal and as Markdown."""

import os
import pathlib
import platform
from collections.abc import Iterable

from nrnm_keras.benchmark.timing import Row

_HEAD = ("", "median", "spread", "ratio", "of rate", "")


def cells(row: Row) -> tuple[str, ...]:
    """Returns the words of a row: what, median, spread, ratio, share of the rate, and the note."""
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    share = "" if row.share is None else f"{row.share:.0%}"
    return row.what, duration(row.seconds), f"± {duration(row.spread)}", ratio, share, row.note


def duration(seconds: float) -> str:
    """Returns a time in words, with three digits.

    Example:

    >>> duration(0.01234), duration(2.5)
    ('12.3 ms', '2.5 s')
    """
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def line(row: Row) -> str:
    """Returns a row as a line of a terminal."""
    return _aligned(cells(row))


def head() -> str:
    """Returns the line above the rows."""
    return _aligned(_HEAD)


def _aligned(words):
    what, *numbers, note = words
    return f"{what:<52}{''.join(f'{x:>11}' for x in numbers)}  {note}".rstrip()


def markdown(suites: Iterable[tuple[str, list[Row]]], machine: str, command: str) -> str:
    """Returns a page of all tables.

    Args:
        suites: pairs of a title and the rows.
        machine: what they were measured on, in words.
        command: the command line.
    """
    parts = ["# Speed", f"{machine}. Median and half the distance between the quartiles."]
    parts.append(f"Command:\n\n    {command}")
    for title, rows in suites:
        lines = [_HEAD, ["---"] * len(_HEAD), *map(cells, rows)]
        table = "\n".join(f"| {' | '.join(words)} |" for words in lines)
        parts += [f"## {title}", table]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    """Describes the processor and the versions of TensorFlow and Keras."""
    import keras
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores of {_processor()}; Python {platform.python_version()}, "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    )


def _processor():
    """Returns the name of the processor, which `platform` does not know on Linux."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

"""Timing functions side by side, and the rows of a benchmark's table."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A measurement.

    Attributes:
        what: what was measured, in words.
        seconds: the median.
        spread: half the distance between the quartiles, in seconds.
        ratio: the median of the ratios to the baseline's time in the same turn, or None.
        share: the share of the matmul rate that was measured on the machine, or None.
        note: anything else, such as the memory.
    """

    what: str
    seconds: float
    spread: float = 0.0
    ratio: float | None = None
    share: float | None = None
    note: str = ""


def in_turn(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Times functions in turn, each warmed up twice.

    Args:
        runs: functions by name; what they return is waited for.
        repeats: number of timed calls of each.

    Returns:
        The seconds of each call, by the same names.
    """
    import keras

    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            for tensor in keras.tree.flatten(run()):
                keras.ops.convert_to_numpy(tensor)  # waits for the result
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def rows_in_turn(
    runs: dict[str, Callable[[], Any]],
    repeats: int,
    multiply_adds: Sequence[float] | None = None,
    rate: float | None = None,
) -> Iterator[Row]:
    """Times functions in turn; the first is the baseline of the others.

    Args:
        runs: functions by what they do, in words.
        repeats: number of timed calls of each.
        multiply_adds: those of each function, for the share of the rate.
        rate: the machine's, from `matmul_rate`.
    """
    seconds = in_turn(runs, repeats)
    baseline = next(iter(seconds.values()))
    for number, (what, times) in enumerate(seconds.items()):
        row = row_of(what, times, baseline if len(runs) > 1 else None)
        if multiply_adds and rate:
            row = row._replace(share=multiply_adds[number] / row.seconds / rate)
        yield row


def row_of(what: str, times: Sequence[float], baseline: Sequence[float] | None = None) -> Row:
    """Returns the row of times in seconds, with their ratio to a baseline's of the same turns."""
    ratio = None
    if baseline:
        ratio = statistics.median(a / b for a, b in zip(times, baseline, strict=True))
    return Row(what, statistics.median(times), spread_of(times), ratio)


def spread_of(values: Sequence[float]) -> float:
    """Returns half the distance between the quartiles."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2


def matmul_rate(repeats: int, dtype: str = "float32") -> float:
    """Multiply-adds a second of a large square matmul: what the machine can do."""
    import keras
    import tensorflow as tf

    size = 2048
    a, b = (keras.random.normal((size, size), seed=seed, dtype=dtype) for seed in (0, 1))
    matmul = tf.function(lambda: tf.cast(tf.matmul(a, b)[:1], "float32"), jit_compile=False)
    return size**3 / statistics.median(in_turn({"matmul": matmul}, repeats)["matmul"])

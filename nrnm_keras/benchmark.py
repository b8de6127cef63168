"""Compares the layer's speed with Keras's LSTM: `python -m nrnm_keras.benchmark`."""

import statistics
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from nrnm_keras.commands.command_line import run_command
from nrnm_keras.commands.libraries import import_keras
from nrnm_keras.errors import UsageError
from pipelines.console import say
from pipelines.escaping import quoted

if TYPE_CHECKING:  # it needs Keras
    from nrnm_keras.layers import NRNMCell

_USAGE = "python -m nrnm_keras.benchmark [--units=256,512] [flags]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    values = flags.FlagValues()

    def integer(name, default, text):
        flags.DEFINE_integer(name, default, text, lower_bound=1, flag_values=values)

    flags.DEFINE_list("units", "256,512", "widths of the layers", flag_values=values)
    integer("batch_size", 32, "sequences in a batch")
    integer("timesteps", 100, "steps of a sequence")
    integer("features", 150, "features of a step")
    integer("repeats", 15, "timed runs of each layer, interleaved; the median is reported")
    return run_command(_run, values, _USAGE, arguments)


def _run(values, arguments):
    try:
        widths = [int(units) for units in values.units]
    except ValueError as error:
        given = quoted(",".join(values.units))
        raise UsageError(f"--units={given}; expected integers, as in 256,512") from error
    _check_backend()
    shape = (values.batch_size, values.timesteps, values.features)
    rate = _matmul_rate(values.repeats)
    say(f"batch {shape[0]}, {shape[1]} steps, {shape[2]} features, TensorFlow, medians in turn")
    say(f"measured matmul rate: {rate / 1e9:.0f} G multiply-adds per second\n")
    say(
        f"{'units':>5}  {'layer':<14}{'forward':>11}{'x LSTM':>8}{'of rate':>9}"
        f"{'training':>13}{'x LSTM':>8}{'of rate':>9}{'multiply-adds':>15}"
    )
    for units in widths:
        for row in benchmark(units, shape, values.repeats):
            say(_line(units, row, rate))


def _check_backend():
    import_keras()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"the benchmark needs KERAS_BACKEND=tensorflow; it is {keras.backend.backend()!r}"
        )


def benchmark(units: int, shape: tuple[int, int, int], repeats: int) -> list[dict[str, Any]]:
    """Times `LSTM`, `NRNM` and `RNN(NRNMCell)` of equal units, interleaved in one process.

    Args:
        units: Integer, the layers' units.
        shape: `(batch, timesteps, features)` of the input.
        repeats: Integer, how often each is timed.

    Returns:
        A list of dictionaries: `layer`; `forward` and `training`, the median seconds of a forward
        pass and of a forward and backward pass; `forward_ratio` and `training_ratio`, the median
        of the ratios to the `LSTM`'s run in the same turn; `multiply_adds` of a forward pass.
    """
    import keras

    from nrnm_keras.layers import NRNM

    nrnm = NRNM(units)
    layers = {
        "LSTM": keras.layers.LSTM(units),
        "NRNM": nrnm,
        "RNN(NRNMCell)": keras.layers.RNN(NRNM(units).cell),
    }
    x = keras.random.normal(shape, seed=0)
    timed: dict[str, dict[str, Any]] = {"forward": {}, "training": {}}
    for name, layer in layers.items():
        layer.build(shape)
        for kind, run in zip(timed, _compile(layer, x), strict=True):
            timed[kind][name] = run
    seconds = {kind: _interleaved(runs, repeats) for kind, runs in timed.items()}
    counts = dict.fromkeys(layers, shape[0] * nrnm_multiply_adds(nrnm.cell, shape[1], shape[2]))
    counts["LSTM"] = shape[0] * shape[1] * 4 * units * (shape[2] + units)
    rows = []
    for name in layers:
        row = {"layer": name, "multiply_adds": counts[name]}
        for kind, times in seconds.items():
            ratios = [a / b for a, b in zip(times[name], times["LSTM"], strict=True)]
            row[kind] = statistics.median(times[name])
            row[f"{kind}_ratio"] = statistics.median(ratios)
        rows.append(row)
    return rows


def nrnm_multiply_adds(cell: "NRNMCell", timesteps: int, features: int) -> int:
    """Multiply-adds of a forward pass of `NRNM` over one sequence (LSTM, self-attention).

    Matmuls alone, as `NRNM` does them: queries for the kept rows only, and the keys' and values'
    kernels applied to the queries' side (`NonLocalMemory`). `RNN(NRNMCell)` needs more.
    """
    units, slots, block = cell.units, cell.slots, cell.block_size
    memory = slots * units
    windows = timesteps // cell.window_size
    reads = -(-timesteps // cell.window_size)
    step = 4 * units * (features + units) + features * units
    read = features * memory + memory * units
    attention = 3 * slots * units**2 + 2 * slots * cell.num_heads * (slots + block) * units
    gates = 2 * units * (block + slots) * units
    write = attention + slots * units**2 + gates
    reading = timesteps * read + reads * memory**2
    return timesteps * step + reading + windows * write


def _compile(layer, x):
    """A function that runs forward, and one that computes the gradients of the weights."""
    import tensorflow as tf

    @tf.function(jit_compile=False)
    def forward():
        return layer(x)

    @tf.function(jit_compile=False)
    def training():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        return tape.gradient(loss, layer.trainable_variables)

    return forward, training


def _interleaved(runs, repeats):
    """Times functions in turn, each warmed up twice; returns lists of seconds by name."""
    import keras

    seconds = {name: [] for name in runs}
    for turn in range(repeats + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            for tensor in keras.tree.flatten(run()):
                tensor.numpy()  # waits for the result
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _matmul_rate(repeats):
    """Multiply-adds a second of a large square matmul: what the machine can do."""
    import keras
    import tensorflow as tf

    size = 2048
    a, b = keras.random.normal((size, size), seed=0), keras.random.normal((size, size), seed=1)
    matmul = tf.function(lambda: tf.matmul(a, b)[:1], jit_compile=False)
    return size**3 / statistics.median(_interleaved({"matmul": matmul}, repeats)["matmul"])


def _line(units, row, rate):
    columns = [f"{units:>5}  {row['layer']:<14}"]
    # A backward pass multiplies twice for every product of the forward pass.
    for kind, passes in (("forward", 1), ("training", 3)):
        share = passes * row["multiply_adds"] / row[kind] / rate
        columns.append(f"{row[kind] * 1e3:>8.1f} ms{row[f'{kind}_ratio']:>8.2f}{share:>9.0%}  ")
    return "".join(columns) + f"{row['multiply_adds'] / 1e9:>11.2f} G"


if __name__ == "__main__":
    sys.exit(main())

"""Time and memory of a training step as sequences grow, each in a process of its own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, spread_of
from nrnm_keras.commands import child_process

TITLE = "Long sequences, 32 of 64 features: training step, and peak memory of the process"
_TIMESTEPS = (100, 1000, 4000)
_CASES = (("LSTM", 128), ("NRNM", 128), ("LSTM", 512), ("NRNM", 512))
_MOST_REPEATS = 3
# Python is enough to start it, and nothing of this process adds to its memory.
_PROGRAM = """
import json, resource, sys
from nrnm_keras.commands.libraries import import_keras
import_keras()
import keras
from nrnm_keras.benchmark.timing import in_turn
from nrnm_keras.benchmark.training_steps import training
from nrnm_keras.layers import NRNM
name, units, timesteps, repeats = sys.argv[1], *map(int, sys.argv[2:])
kind = NRNM if name == "NRNM" else keras.layers.LSTM
shape = (32, timesteps, 64)
layer = kind(units, return_sequences=True)
layer.build(shape)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = training(layer, keras.random.normal(shape, seed=0))
seconds = in_turn({"": run}, repeats)[""]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "bytes": 1024 * (peak - before)}))
"""


def rows(options: Options) -> Iterator[Row]:
    """Yields a row for each layer and length."""
    repeats = min(options.repeats, _MOST_REPEATS)
    for name, units in _CASES:
        for timesteps in _TIMESTEPS:
            arguments = [name, str(units), str(timesteps), str(repeats)]
            command = [sys.executable, "-c", _PROGRAM, *arguments]
            done = child_process.run(command, stdout=subprocess.PIPE, check=True)
            measured = json.loads(done.stdout)
            seconds = measured["seconds"]
            median = statistics.median(seconds)
            note = (
                f"{1e3 * median / timesteps:.2f} ms and "
                f"{measured['bytes'] / 1e6 / timesteps:.2f} MB a step"
            )
            what = f"{units} units, {name}, {timesteps:,} steps"
            yield Row(what, median, spread_of(seconds), note=note)

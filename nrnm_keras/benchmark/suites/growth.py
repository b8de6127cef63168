"""Time and memory of a training step as sequences grow, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, row_of
from nrnm_keras.commands import child_process

TITLE = "Long sequences, 32 of 64 features: training step, and peak memory of the process"
_TIMESTEPS = (100, 1000, 4000)
_UNITS = (128, 512)
_KINDS = ("Keras LSTM", "LSTM", "NRNM", "NRNM(recompute=True)")
_MOST_REPEATS = 3
# Python is enough to start it, and nothing of this process adds to its memory.
_PROGRAM = """
import json, resource, sys
from nrnm_keras.commands.libraries import import_keras
import_keras()
import keras
from nrnm_keras.benchmark.timing import in_turn
from nrnm_keras.benchmark.training_steps import training
from nrnm_keras.layers import LSTM, NRNM
name, units, timesteps, repeats = sys.argv[1], *map(int, sys.argv[2:])
kind = {"Keras LSTM": keras.layers.LSTM, "LSTM": LSTM}.get(name, NRNM)
options = {"recompute": True} if "recompute" in name else {}
shape = (32, timesteps, 64)
layer = kind(units, return_sequences=True, **options)
layer.build(shape)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = training(layer, keras.random.normal(shape, seed=0))
seconds = in_turn({"": run}, repeats)[""]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "bytes": 1024 * (peak - before)}))
"""


def rows(options: Options) -> Iterator[Row]:
    """Yields a row for each width, length and layer."""
    repeats = min(options.repeats, _MOST_REPEATS)
    for units in _UNITS:
        for timesteps in _TIMESTEPS:
            baseline = None
            for name in _KINDS:
                measured = _measure(name, units, timesteps, repeats)
                baseline = baseline or measured["seconds"]
                row = row_of(
                    f"{units} units, {timesteps:,} steps, {name}", measured["seconds"], baseline
                )
                milliseconds, megabytes = 1e3 * row.seconds, measured["bytes"] / 1e6
                yield row._replace(
                    note=f"{milliseconds / timesteps:.2f} ms and {megabytes / timesteps:.2f} MB a "
                    f"step, {megabytes / 1e3:.2f} GB"
                )


def _measure(name, units, timesteps, repeats):
    arguments = [name, str(units), str(timesteps), str(repeats)]
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = child_process.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)

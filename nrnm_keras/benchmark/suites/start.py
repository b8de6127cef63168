"""How long it takes until something happens: imports, a first call, a first step, a prediction."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.small_run import train_on_texts
from nrnm_keras.benchmark.timing import Row, row_of
from nrnm_keras.commands import child_process

TITLE = "From the start of a process"
_MOST_REPEATS = 3
_FIRST_CALLS = """
import json, time
from nrnm_keras.commands.libraries import import_keras
import_keras()
import keras
from nrnm_keras.benchmark.training_steps import training
from nrnm_keras.layers import NRNM
seconds = []
for kind in (keras.layers.LSTM, NRNM):
    layer = kind(256)
    layer.build((32, 100, 150))
    run = training(layer, keras.random.normal((32, 100, 150), seed=0))
    start = time.perf_counter()
    run()
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
"""


def rows(options: Options) -> Iterator[Row]:
    """Yields a row for each of them."""
    repeats = min(options.repeats, _MOST_REPEATS)
    imports = {name: ["-c", f"import {name}"] for name in ("keras", "nrnm_keras")}
    seconds = {name: [_seconds(words) for _ in range(repeats)] for name, words in imports.items()}
    for name, times in seconds.items():
        yield row_of(f"import {name}", times, seconds["keras"])
    calls = [json.loads(_run(["-c", _FIRST_CALLS]).stdout) for _ in range(repeats)]
    lstm, nrnm = zip(*calls, strict=True)
    yield row_of("first training step of an LSTM of 256 units", lstm, lstm)
    yield row_of("first training step of an NRNM of 256 units", nrnm, lstm)
    with tempfile.TemporaryDirectory() as folder:
        run = train_on_texts(32, pathlib.Path(folder))
        words = ["-m", "nrnm_keras.predict", f"--run={run}", "--text=A good film."]
        yield row_of("predict --text", [_seconds(words) for _ in range(repeats)])
        again = [_until_first_step(run, folder, number) for number in range(repeats)]
        yield row_of("a training's first step, its records built", again)


def _run(words):
    command = [sys.executable, *words]
    return child_process.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)


def _seconds(words):
    start = time.perf_counter()
    _run(words)
    return time.perf_counter() - start


def _until_first_step(run, folder, number):
    """Starts the training of a finished run again, and ends it after its first step."""
    words = [f"--flagfile={run}/flags.txt", f"--run_dir={folder}/again{number}"]
    command = [sys.executable, "-m", "nrnm_keras.train", *words]
    start = time.perf_counter()
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with child_process.start(command, **options) as process:
        shown = b""
        while b"Epoch 1/1" not in shown or b"loss" not in shown.partition(b"Epoch 1/1")[2]:
            if not (more := process.stdout.read1()):
                raise subprocess.CalledProcessError(process.wait(), command)
            shown += more
        seconds = time.perf_counter() - start
        process.kill()
    return seconds

"""Steps of streams: one at a time in the exports' own runtimes, and a thousand in one batch."""

import contextlib
import importlib.util
import io
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.small_run import train_on_sequences
from nrnm_keras.benchmark.timing import Row, rows_in_turn

TITLE = "Streams, one layer of 256 units and 64 features"
_UNITS, _FEATURES, _STREAMS = 256, 64, 1000
# The formats and the packages that they need.
_FORMATS = {"saved_model": "tensorflow", "litert": "ai_edge_litert", "onnx": "onnxruntime"}


def rows(options: Options) -> Iterator[Row]:
    """Yields a row for a step in each format that is installed, and one for many streams."""
    from nrnm_keras.inference import TrainedModel

    with tempfile.TemporaryDirectory() as folder:
        trained = TrainedModel.load(train_on_sequences(_UNITS, pathlib.Path(folder)))
        for name, package in _FORMATS.items():
            if importlib.util.find_spec(package):
                with contextlib.redirect_stdout(io.StringIO()):
                    exported = trained.export(name, pathlib.Path(folder) / name)
                seconds = exported.results["step"]["milliseconds"] / 1e3
                yield Row(f"a step of one stream, {name}", seconds)
        streams = trained.streams()
        features = np.ones(_FEATURES, "float32")
        step = dict.fromkeys(range(_STREAMS), features)
        runs = {f"a step of {_STREAMS:,} streams in one batch": lambda: streams.push(step)[0]}
        yield from rows_in_turn(runs, options.repeats)

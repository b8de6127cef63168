"""Runs an exported model without the library: python standalone.py FORMAT FOLDER CASES.

FORMAT is the file of the format's module, CASES an .npz file with inputs and the expected results
of several examples. Prints as JSON, for each signature, the largest difference and the time.
"""

import importlib.util
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

_REPEATS = 5


def import_format(path: str) -> ModuleType:
    """Returns the module of a format, from its file."""
    spec: Any = importlib.util.spec_from_file_location("export_format", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_steps(
    run: Callable[..., dict[str, Any]],
    steps: dict[str, np.ndarray],
    state: dict[str, np.ndarray],
    result: str,
) -> np.ndarray:
    """Feeds a sequence step by step.

    Args:
        run: from a format's `load`.
        steps: dictionary of one array `(timesteps, ...)`, by the name of the next step.
        state: dictionary of the state before the first step.
        result: name of the output to return.

    Returns:
        The output after each step, `(timesteps, ...)`.
    """
    ((name, values),) = steps.items()
    results = []
    for t in range(len(values)):
        outputs = run("step", {name: values[t : t + 1], **state})
        state = {n: outputs[f"next_{n}"] for n in state}
        results.append(outputs[result][0])
    return np.array(results)


def main(format_file: str, folder: str, cases: str) -> None:
    """Compares all signatures with the expected results."""
    export_format = import_format(format_file)
    run = export_format.load(pathlib.Path(folder))
    results: dict[str, Any] = {}
    with np.load(cases, allow_pickle=False) as arrays:
        values = {key: arrays[key] for key in arrays.files}
    state = {k.removeprefix("state/"): x for k, x in values.items() if k.startswith("state/")}
    for key in sorted({key.rpartition("/")[0] for key in values if key.count("/") == 2}):
        signature, number = key.split("/")
        if signature == "expected":
            continue
        inputs = {k.rpartition("/")[2]: x for k, x in values.items() if k.startswith(f"{key}/")}
        expected = {
            k.rpartition("/")[2]: x
            for k, x in values.items()
            if k.startswith(f"expected/{number}/")
        }
        _compare(run, signature, inputs, expected, state, results)
    for result in results.values():
        result["milliseconds"] = statistics.median(result["milliseconds"])
    if not export_format.NEEDS_LIBRARY:
        assert not [name for name in sys.modules if name.startswith("nrnm_keras")]
    print(json.dumps(results))


def _compare(run, signature, inputs, expected, state, results):
    """Adds the difference and the time of one example to the results."""
    result = results.setdefault(signature, {"difference": 0.0, "milliseconds": []})
    for name, value in expected.items():
        run_once = _once(run, signature, inputs, state, name)
        found = run_once()
        if signature == "step" and found.ndim > value.ndim:
            found = found[-1]  # the result of the whole sequence
        found = np.reshape(found, value.shape)
        difference = np.abs(found - value) / np.maximum(1, np.abs(value))
        # Keeps NaN, unlike Python's `max`.
        result["difference"] = float(np.max([result["difference"], *np.ravel(difference)]))
    steps = len(next(iter(inputs.values()))) if signature == "step" else 1
    result["milliseconds"].append(1e3 * _seconds(run_once) / steps)


def _once(run, signature, inputs, state, name):
    """Returns a function that computes one result for the inputs."""
    if signature == "step":
        return lambda: run_steps(run, inputs, state, name)
    return lambda: _result(run(signature, inputs), name)


def _result(outputs, name):
    """Returns the result of the first row; a Keras model has an output for each class."""
    if name in outputs:
        return outputs[name][0]
    return np.stack(list(outputs.values()), axis=-1)[0]


def _seconds(function):
    """The median time of a call, warmed up already."""
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs an exported model without the library that made it: python standalone.py FORMAT FOLDER.

Reads the inputs and the expected probabilities of several examples from an .npz file named by the
third argument, and prints as JSON, for each signature, the largest difference and the time.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy as np

_REPEATS = 5


def load_saved_model(folder):
    """Returns a function from a signature's name and inputs by name to outputs by name."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / "1"))

    def run(name, inputs):
        outputs = loaded.signatures[name](**{n: tf.constant(x) for n, x in inputs.items()})
        return {n: x.numpy() for n, x in outputs.items()}

    return run


def load_onnx(folder):
    """Does the same for the ONNX files in a folder."""
    import onnxruntime

    sessions = {p.stem: onnxruntime.InferenceSession(str(p)) for p in folder.glob("*.onnx")}

    def run(name, inputs):
        names = [output.name for output in sessions[name].get_outputs()]
        return dict(zip(names, sessions[name].run(names, inputs), strict=True))

    return run


def load_litert(folder):
    """Does the same for the LiteRT files in a folder."""
    from ai_edge_litert.interpreter import Interpreter

    interpreters = {p.stem: Interpreter(str(p)) for p in folder.glob("*.tflite")}
    runners = {name: each.get_signature_runner() for name, each in interpreters.items()}
    return lambda name, inputs: runners[name](**inputs)


def load_keras(folder):
    """Does the same for a Keras model, which needs the classes of the library."""
    import keras

    # These register what the model is made of.
    import nrnm_keras.models
    import nrnm_keras.preprocessing  # noqa: F401

    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)

    def run(_, inputs):
        (raw,) = inputs.values()
        probabilities = model(keras.ops.convert_to_tensor(raw))
        return {"probabilities": np.stack([np.array(x) for x in probabilities.values()], axis=-1)}

    return run


LOADERS = {
    "saved_model": load_saved_model,
    "onnx": load_onnx,
    "litert": load_litert,
    "keras": load_keras,
}


def run_steps(run, steps, state):
    """Feeds a sequence step by step.

    Args:
        run: from a loader.
        steps: dictionary of one array `(timesteps, ...)`, by the name of the next step.
        state: dictionary of the state before the first step.

    Returns:
        The probabilities after the last step, `(1, classes)`.
    """
    ((name, values),) = steps.items()
    for t in range(len(values)):
        outputs = run("step", {name: values[t : t + 1], **state})
        state = {n: outputs[f"next_{n}"] for n in state}
    return outputs["probabilities"]


def main(format_name, folder, examples):
    """Compares all signatures with what is expected of them."""
    run = LOADERS[format_name](pathlib.Path(folder))
    results = {}
    with np.load(examples, allow_pickle=False) as arrays:
        cases = {key: arrays[key] for key in arrays.files}
    state = {k.removeprefix("state/"): x for k, x in cases.items() if k.startswith("state/")}
    for key in sorted({key.rpartition("/")[0] for key in cases if key.count("/") == 2}):
        signature, number = key.split("/")
        inputs = {k.rpartition("/")[2]: x for k, x in cases.items() if k.startswith(f"{key}/")}
        is_step = signature == "step"
        run_once = (
            (lambda i=inputs: run_steps(run, i, state))
            if is_step
            else (lambda s=signature, i=inputs: run(s, i)["probabilities"])
        )
        difference = np.abs(run_once()[0] - cases[f"expected/{number}"]).max()
        steps = len(next(iter(inputs.values()))) if is_step else 1
        result = results.setdefault(signature, {"difference": 0.0, "milliseconds": []})
        # Of a number and none it keeps the latter, where Python's `max` keeps the former.
        result["difference"] = float(np.maximum(result["difference"], difference))
        result["milliseconds"].append(1e3 * _seconds(run_once) / steps)
    for result in results.values():
        result["milliseconds"] = statistics.median(result["milliseconds"])
    if format_name != "keras":
        assert not [name for name in sys.modules if name.startswith("nrnm_keras")]
    print(json.dumps(results))


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

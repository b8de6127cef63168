"""Whether an exported model gives what the Keras model gives, found out in another process."""

import json
import os
import pathlib
import sys
import tempfile

import numpy as np
import tensorflow as tf

from nrnm_keras import child_process
from nrnm_keras.errors import UsageError
from nrnm_keras.exporting import standalone
from nrnm_keras.trained_model import TEXT
from pipelines.open_build import open_build

# The largest difference of a probability, by what the weights were turned into.
TOLERANCES = {None: 1e-5, "float16": 5e-3, "int8": 5e-2}
_LOOKED_THROUGH = 200


def read_examples(records, count, split="test"):
    """Returns raw examples of different lengths, the shortest first.

    Args:
        records: folder of a built data set.
        count: integer.
        split: name of the split that is read; if there is none of that name, another.

    Returns:
        List of byte strings or arrays `(timesteps, ...)`.

    Raises:
        UsageError: if there are no records.
        SourceError: if what lies beside them is missing or damaged.
    """
    if not os.path.exists(os.path.join(records, "dataset_info.json")):
        raise UsageError(
            f"{records}: no records there; what is exported is checked on some of them: "
            "--records=FOLDER says where they are"
        )
    builder = open_build(records)
    splits = builder.info.splits
    split = split if split in splits else next(name for name in splits if name != "test")
    content, _ = builder.info.supervised_keys
    examples = builder.as_dataset(split=split, shuffle_files=False).take(_LOOKED_THROUGH)
    values = sorted((each[content] for each in examples.as_numpy_iterator()), key=len)
    places = np.linspace(0, len(values) - 1, count).round().astype(int)
    return [values[place] for place in np.unique(places)]


def check(format_name, folder, trained, written, examples, quantize):
    """Runs an exported model in a process that has its format's runtime only.

    Args:
        format_name: name of the format.
        folder: where it was written to.
        trained: the `TrainedModel`.
        written: its `Signature`s by name.
        examples: from `read_examples`.
        quantize: None, `"int8"` or `"float16"`.

    Returns:
        For each signature that gives probabilities the largest `difference` of one, and the median
        `milliseconds` of a call.

    Raises:
        UsageError: if a difference is larger than `TOLERANCES` allows.
    """
    # Beside what is not exported yet: so it goes with that if this process is killed.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        cases = pathlib.Path(scratch) / "cases.npz"
        np.savez(cases, **_cases(trained, written, examples))
        command = [sys.executable, standalone.__file__, format_name, str(folder), str(cases)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = child_process.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UsageError(f"--format={format_name}: the exported model does not run: {last}")
    results = json.loads(done.stdout.splitlines()[-1])
    for name, result in results.items():
        # Not a number is no agreement either.
        if not result["difference"] <= TOLERANCES[quantize]:
            raise UsageError(
                f"--format={format_name}: the probabilities of {name} differ from those of the "
                f"Keras model by {result['difference']:.1g}, more than {TOLERANCES[quantize]:g}"
            )
    return results


def _cases(trained, written, examples):
    """Returns the arrays that `standalone` reads, by `signature/number/input`."""
    cases = {}
    for number, example in enumerate([*examples, _nothing(trained)]):
        raw = tf.expand_dims(tf.constant(example), 0)  # of a list, no steps lose their features
        probabilities = trained.model(raw)
        cases[f"expected/{number}"] = np.array([probabilities[n][0] for n in trained.class_names])
        for name, signature in written.items():
            for input_name, value in _inputs(name, trained, raw, signature).items():
                if name != "step" or len(value):  # no step has no answer
                    cases[f"{name}/{number}/{input_name}"] = value
    if "step" in written:
        _, *state = written["step"].inputs.items()
        for name, spec in state:
            cases[f"state/{name}"] = np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
    return cases


def _nothing(trained):
    """Returns a raw example without a word or a step."""
    if trained.kind == TEXT:
        return b""
    return np.zeros((0, *trained.model.inputs[0].shape[2:]), np.float32)


def _inputs(name, trained, raw, signature):
    """Returns a signature's inputs for raw input; of a `step`, all steps of the sequence."""
    if name == "serve":
        return {next(iter(signature.inputs)): _portable(raw.numpy())}
    if name == "features" and trained.kind == TEXT:
        return {"token_ids": trained.encode(raw).numpy()}
    if name == "features":
        features, mask = trained.classifier_inputs(raw)
        return {"features": features.numpy(), "mask": mask.numpy()}
    if name == "step":
        step_name = next(iter(signature.inputs))
        if step_name == "token":
            tokens = trained.text_preprocessor.truncate(trained.text_preprocessor.tokenize(raw))
            return {step_name: _portable(tokens[0].numpy())}
        return {step_name: trained.encode(raw)[0].numpy()}
    return {}


def _portable(array):
    """Returns byte strings as an array that can be saved without pickle."""
    if array.dtype != object:
        return array
    return np.array([text.decode("utf-8", "replace") for text in array])

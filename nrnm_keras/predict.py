"""Classifies with a trained model: `python -m nrnm_keras.predict --model=RUN --text=...`."""

import csv
import os
import pathlib
import sys
import zipfile

import keras
import numpy as np
import tensorflow as tf
from absl import flags

import nrnm_keras.models
import nrnm_keras.preprocessing  # registers what a saved model is made of
from nrnm_keras.command_line import run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.training.run_folder import RunFolder
from pipelines.ntu_rgbd.examples import BODIES
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.text_files.reader import read_texts

_USAGE = (
    "python -m nrnm_keras.predict --model=RUN "
    "(--text=TEXT | --input=FILE --output=out.csv | --skeleton=FILE.skeleton)"
)

_MOST_SHOWN = 10  # classes


def main(arguments=None):
    """Runs the command and returns its exit code."""
    return run_command(_run, _define_flags(), _USAGE, arguments)


def load_model(path):
    """Loads a classifier, in Keras's safe mode.

    Args:
        path: the folder of a finished run, or a `.keras` file.

    Returns:
        The Keras model from raw input to probabilities by class name: from strings `(batch,)`, or
        joints `(batch, frames, bodies, joints, 3)` in metres.

    Raises:
        UsageError: if there is no such model.
    """
    path = pathlib.Path(path).expanduser()
    file = path / RunFolder.MODEL if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"--model={path}: no {RunFolder.MODEL} there; expected the folder of a finished run, "
            "or a .keras file"
        )
    try:
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{file} cannot be loaded: {error}") from error
    if not isinstance(model.layers[-1], nrnm_keras.models.ClassProbabilities):
        raise UsageError(f"{file} is not a classifier of nrnm_keras.train")
    return model


def predict(model, inputs, batch_size=32, verbose=0):
    """Returns the class names and the probabilities `(inputs, classes)`, as a NumPy array."""
    class_names = model.layers[-1].class_names
    batches = tf.data.Dataset.from_tensor_slices(tf.constant(inputs)).batch(batch_size)
    probabilities = model.predict(batches, verbose=verbose)
    return class_names, np.stack([probabilities[name] for name in class_names], axis=-1)


def _define_flags():
    values = flags.FlagValues()
    for name, text in (
        ("model", "folder of a finished run, or its model.keras"),
        ("text", "a text to classify"),
        ("input", "file of texts: .csv, .tsv or .jsonl with a column text"),
        ("output", "CSV file for the result: text, label, and a probability for each class"),
        ("skeleton", "a .skeleton file of NTU RGB+D whose action is to be named"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_enum(
        "ntu_bodies", "tracked", list(BODIES), "as in the model's training", flag_values=values
    )
    flags.DEFINE_integer("batch_size", 32, "texts in a batch", lower_bound=1, flag_values=values)
    return values


def _run(flags, arguments):
    if not flags.model:
        raise UsageError("no --model given; expected the folder of a finished run")
    given = [name for name in ("text", "input", "skeleton") if getattr(flags, name) is not None]
    if len(given) != 1:
        raise UsageError("give one of --text, --skeleton, or --input and --output")
    if (flags.input is None) != (flags.output is None):
        raise UsageError("--input and --output go together")
    if flags.text is not None:
        _print(*predict(_load(flags.model, "texts"), [flags.text]))
        return
    if flags.skeleton is not None:
        model = _load(flags.model, "skeletons")
        joints = _read_joints(flags.skeleton, flags.ntu_bodies)
        _print(*predict(model, joints[np.newaxis]))
        return
    output = _check_output(flags.output, flags.input)
    texts = list(read_texts(flags.input))
    result = predict(_load(flags.model, "texts"), texts, flags.batch_size, verbose=1)
    _write(output, texts, *result)
    print(f"{len(texts):,} texts: {output}")


def _load(path, kind):
    """Loads a model and checks that it takes texts or skeletons."""
    model = load_model(path)
    shape, dtype = model.inputs[0].shape, model.inputs[0].dtype
    takes = "texts" if dtype == "string" else "skeletons" if len(shape) == 5 else "sequences"
    if takes != kind:
        raise UsageError(f"--model={path} takes {takes}, not {kind}")
    return model


def _read_joints(path, bodies):
    """Returns the joints `(frames, 2, 25, 3)` in a skeleton file."""
    path = pathlib.Path(path).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--skeleton={path}: {error.strerror}") from error
    kept = BODIES[bodies](read_skeleton(content, str(path)))
    if not kept.presence.any():
        raise UsageError(f"--skeleton={path}: no frame has a body")
    return kept.joints


def _print(class_names, probabilities):
    """Prints the class of the only input, and what speaks for it and the others."""
    order = np.argsort(-probabilities[0])
    print(class_names[order[0]], end="  ")
    print(", ".join(f"{class_names[i]} {probabilities[0, i]:.4f}" for i in order[:_MOST_SHOWN]))


def _check_output(output, source):
    output, source = (pathlib.Path(path).expanduser() for path in (output, source))
    if output.suffix.lower() != ".csv":
        raise UsageError(f"--output={output}: expected a file name that ends in .csv")
    if output.resolve() == source.resolve():
        raise UsageError(f"--output={output} is the input; choose another file")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"--output={output}: no such folder {output.absolute().parent}")
    return output


def _write(output, texts, class_names, probabilities):
    """Writes the CSV, under its name when it is complete."""
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", *(f"probability_{name}" for name in class_names)])
            for text, row in zip(texts, probabilities, strict=True):
                label = class_names[row.argmax()]
                writer.writerow([text, label, *(f"{value:.6f}" for value in row)])
        os.replace(partial, output)
    except OSError as error:
        raise UsageError(f"--output={output} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())

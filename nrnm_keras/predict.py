"""Classifies texts with a trained model: `python -m nrnm_keras.predict --model=RUN --text=...`."""

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
from pipelines.text_files.reader import read_texts

_USAGE = "python -m nrnm_keras.predict --model=RUN (--text=TEXT | --input=FILE --output=out.csv)"


def main(arguments=None):
    """Runs the command and returns its exit code."""
    return run_command(_run, _define_flags(), _USAGE, arguments)


def load_model(path):
    """Loads a text classifier, in Keras's safe mode.

    Args:
        path: the folder of a finished run, or a `.keras` file.

    Returns:
        The Keras model from strings `(batch,)` to probabilities by class name.

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
        raise UsageError(f"{file} is not a text classifier of nrnm_keras.train")
    return model


def predict(model, texts, batch_size=32, verbose=0):
    """Returns the class names and the probabilities `(texts, classes)`, as a NumPy array."""
    class_names = model.layers[-1].class_names
    batches = tf.data.Dataset.from_tensor_slices(tf.constant(texts, tf.string)).batch(batch_size)
    probabilities = model.predict(batches, verbose=verbose)
    return class_names, np.stack([probabilities[name] for name in class_names], axis=-1)


def _define_flags():
    values = flags.FlagValues()
    for name, text in (
        ("model", "folder of a finished run, or its model.keras"),
        ("text", "a text to classify"),
        ("input", "file of texts: .csv, .tsv or .jsonl with a column text"),
        ("output", "CSV file for the result: text, label, and a probability for each class"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_integer("batch_size", 32, "texts in a batch", lower_bound=1, flag_values=values)
    return values


def _run(flags, arguments):
    if not flags.model:
        raise UsageError("no --model given; expected the folder of a finished run")
    if (flags.text is None) == (flags.input is None):
        raise UsageError("give either --text, or --input and --output")
    if (flags.input is None) != (flags.output is None):
        raise UsageError("--input and --output go together")
    if flags.input is None:
        class_names, probabilities = predict(load_model(flags.model), [flags.text])
        row = zip(class_names, probabilities[0], strict=True)
        print(f"{class_names[probabilities[0].argmax()]}", end="  ")
        print(", ".join(f"{name} {probability:.4f}" for name, probability in row))
        return
    output = _check_output(flags.output, flags.input)
    texts = list(read_texts(flags.input))
    result = predict(load_model(flags.model), texts, flags.batch_size, verbose=1)
    _write(output, texts, *result)
    print(f"{len(texts):,} texts: {output}")


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

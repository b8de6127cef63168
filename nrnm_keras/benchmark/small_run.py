"""Trained models to measure with: it does not matter what they have learned."""

import csv
import pathlib
import subprocess
import sys

import numpy as np

from nrnm_keras.commands import child_process

_EXAMPLES, _TIMESTEPS, _FEATURES = 64, 16, 64
_LABELS = np.arange(_EXAMPLES) % 2


def train_on_sequences(units: int, folder: pathlib.Path) -> pathlib.Path:
    """Trains one layer of so many units on random sequences of 64 features; returns the run."""
    x = np.random.default_rng(0).normal(size=(_EXAMPLES, _TIMESTEPS, _FEATURES))
    np.savez(folder / "train.npz", x=x.astype("float32"), y=_LABELS)
    return _train("sequence", units, folder / "train.npz")


def train_on_texts(units: int, folder: pathlib.Path) -> pathlib.Path:
    """Trains one layer of so many units on short texts; returns the run."""
    with (folder / "train.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(f"A {'good' if label else 'bad'} film.", label) for label in _LABELS]
        csv.writer(file).writerows([("text", "label"), *rows])
    return _train("text", units, folder / "train.csv")


def _train(task, units, file):
    run = file.parent / "run"
    flags = [f"--task={task}", "--settings=fixed", "--epochs=1", f"--train_file={file}"]
    flags += [f"--units={units}", "--num_layers=1", "--nrnm_layers=1", "--nobidirectional"]
    flags += [f"--run_dir={run}", f"--data_dir={file.parent}/data"]
    command = [sys.executable, "-m", "nrnm_keras.train", *flags]
    child_process.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return run

"""The files with the history of a training: metrics.csv and the TensorBoard logs."""

import csv
import shutil
from collections.abc import Sequence

import tensorflow as tf

from nrnm_keras.inference.run_folder import RunFolder


class HistoryFiles:
    """Writes the metrics of each epoch to metrics.csv and TensorBoard logs in a `RunFolder`.

    Both are rewritten when a training resumes, so that no epoch appears twice.

    Args:
        folder: the `RunFolder`.
        history: the epochs so far, as in `Progress`.
    """

    def __init__(self, folder: RunFolder, history: Sequence[dict[str, float]]) -> None:
        self._folder = folder
        path = folder / folder.TENSORBOARD
        shutil.rmtree(path, ignore_errors=True)
        self._writers = {
            name: tf.summary.create_file_writer(str(path / name))
            for name in ("train", "validation")
        }
        for epoch, row in enumerate(history):
            self._log(epoch, row)
        if history:
            self._write_table(history)

    def add_epoch(self, history: Sequence[dict[str, float]]) -> None:
        """Adds the last epoch of the history."""
        self._log(len(history) - 1, history[-1])
        self._write_table(history)

    def _log(self, epoch, row):
        for name, value in row.items():
            writer = self._writers["validation" if name.startswith("val_") else "train"]
            with writer.as_default():
                tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value, step=epoch)
                writer.flush()

    def _write_table(self, history):
        with (
            self._folder.complete(self._folder.METRICS) as path,
            path.open("w", newline="") as file,
        ):
            table = csv.DictWriter(file, ["epoch", *history[0]])
            table.writeheader()
            table.writerows({"epoch": i, **row} for i, row in enumerate(history))

"""Checkpoints: the whole state of a training, so that it can go on after any end."""

import hashlib
import json
import os
import pathlib

import keras
import numpy as np
from absl import logging

from nrnm_keras.errors import UsageError

_FORMAT = "step_{:09d}.npz"
_FACTS = "facts"
_DIGEST_SIZE = 32


class Checkpoints:
    """The newest checkpoints of a training, one file each.

    A file appears under its name only when it is whole and on the disk. Behind its arrays stands
    their SHA-256: a file that a crash or a fault of the disk has damaged is noticed, named, and
    left out. (The checksums of a zip archive leave out its own headers.)

    Args:
        folder: where they are; made when the first one is saved.
        keep: how many of them are kept, the newest.
    """

    def __init__(self, folder, keep=2):
        self._folder = pathlib.Path(folder)
        self._keep = keep

    def steps(self):
        """Returns the steps that there is a file of, the newest first."""
        steps = (path.stem.removeprefix("step_") for path in self._folder.glob("step_*.npz"))
        return sorted((int(step) for step in steps if step.isdigit()), reverse=True)

    def save(self, step, variables, facts):
        """Saves a checkpoint and removes those that are no longer kept.

        Args:
            step: integer, the number of steps taken.
            variables: list of Keras variables.
            facts: dictionary that JSON can hold.

        Raises:
            UsageError: if a variable is no longer a number.
            OSError: if the disk is full, or the folder cannot be written. Those saved before stay.
        """
        arrays = {_name(i): keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
        for variable, array in zip(variables, arrays.values(), strict=True):
            if not np.all(np.isfinite(array)):
                raise UsageError(
                    f"{variable.path} is no longer a number after step {step}; the checkpoint of "
                    f"step {self.newest()} is the last good one; try a lower --learning_rate"
                )
        self._folder.mkdir(exist_ok=True)
        # Always the same name: what a killed process left there is written over.
        partial = self._folder / "incomplete"
        try:
            with partial.open("w+b") as file:
                np.savez(file, **arrays, **{_FACTS: json.dumps(facts)})
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").digest()
                file.seek(0, os.SEEK_END)
                file.write(digest)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._folder / _FORMAT.format(step))
        finally:
            partial.unlink(missing_ok=True)
        for old in self.steps()[self._keep :]:
            (self._folder / _FORMAT.format(old)).unlink()

    def newest(self):
        """Returns the step of the newest whole checkpoint, 0 if there is none."""
        for step in self.steps():
            path = self._folder / _FORMAT.format(step)
            try:
                content = path.read_bytes()
                digest = hashlib.sha256(content[:-_DIGEST_SIZE]).digest()
                damage = None if content.endswith(digest) else "its SHA-256 is another"
            except OSError as error:
                damage = error.strerror
            if not damage:
                return step
            logging.warning("the checkpoint %s is damaged (%s); an older one is used", path, damage)
        return 0

    def facts(self, step):
        """Returns the facts of the checkpoint of a step."""
        with np.load(self._folder / _FORMAT.format(int(step)), allow_pickle=False) as arrays:
            return json.loads(str(arrays[_FACTS]))

    def load(self, step, variables):
        """Sets the variables to what they were at a step, and returns the facts.

        Raises:
            ValueError: if the variables are others than those that were saved.
        """
        path = self._folder / _FORMAT.format(int(step))
        with np.load(path, allow_pickle=False) as arrays:
            saved = [arrays[_name(i)] for i in range(len(arrays.files) - 1)]
        shapes = [array.shape for array in saved]
        expected = [tuple(variable.shape) for variable in variables]
        if shapes != expected:
            raise ValueError(f"{path} holds variables of shapes {shapes}; expected {expected}")
        for variable, array in zip(variables, saved, strict=True):
            variable.assign(array)
        return self.facts(step)


def _name(index):
    return f"variable_{index:05d}"

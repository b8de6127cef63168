"""Checkpoints: the whole state of a training, so that it can go on after any end."""

import hashlib
import io
import json
import logging
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.saved_arrays import (
    DamagedError,
    check_arrays,
    form_of,
    read_arrays,
    shortened,
)
from pipelines.publishing import make_folder, publish

_LOG = logging.getLogger(__name__)
_FORMAT = "step_{:09d}.npz"
_NAME = re.compile(r"step_([0-9]{9,15})\.npz")
_FACTS = "facts"
_DIGEST_SIZE = 32


class Checkpoints:
    """The newest checkpoints of a training, one file each.

    A file appears under its name only when it is whole and on the disk. Behind its arrays stands
    their SHA-256: a file that a crash or a fault of the disk has damaged is noticed, named, and
    left out. (The checksums of a zip archive leave out its own headers.) So is one whose digest is
    right, but which is no checkpoint of this training.

    Args:
        folder: where they are; made when the first one is saved.
        keep: how many of them are kept, the newest.
        check_facts: function of the facts and the step that raises a `ValueError` if they cannot be
            used.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        keep: int = 2,
        check_facts: Callable[[dict[str, Any], int], object] = lambda facts, step: None,
    ) -> None:
        self._folder = pathlib.Path(folder)
        self._keep = keep
        self._check_facts = check_facts

    def steps(self) -> list[int]:
        """Returns the steps that there is a file of, the newest first."""
        names = (_NAME.fullmatch(path.name) for path in self._folder.glob("step_*.npz"))
        steps = {int(name[1]): name[0] for name in names if name}
        return sorted((s for s, name in steps.items() if name == _FORMAT.format(s)), reverse=True)

    def save(self, step: int, variables: Sequence[keras.Variable], facts: dict[str, Any]) -> None:
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
        make_folder(self._folder)
        with publish(self._folder / _FORMAT.format(step)) as path, path.open("w+b") as file:
            contents: dict[str, Any] = {**arrays, _FACTS: json.dumps(facts)}
            np.savez(file, **contents)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0, os.SEEK_END)
            file.write(digest)
        for old in self.steps()[self._keep :]:
            (self._folder / _FORMAT.format(old)).unlink()

    def newest(self, variables: Sequence[keras.Variable] | None = None) -> int:
        """Returns the step of the newest good checkpoint, 0 if there is none.

        Those that are not good are named, with the reason.

        Args:
            variables: list of Keras variables that it has to fit. Default: any will do.
        """
        steps = self.steps()
        for step, *older in (steps[i:] for i in range(len(steps))):
            try:
                self._read(step, variables)
                return step
            except DamagedError as error:
                then = "an older one is used" if older else "there is no older one"
                path = self._folder / _FORMAT.format(step)
                _LOG.warning("the checkpoint %s is damaged (%s); %s", path, error, then)
        return 0

    def facts(self, step: int) -> dict[str, Any]:
        """Returns the facts of the checkpoint of a step.

        Raises:
            UsageError: if it is damaged.
        """
        return self._read_or_say(step)[1]

    def load(self, step: int, variables: Sequence[keras.Variable]) -> dict[str, Any]:
        """Sets the variables to what they were at a step, and returns the facts.

        Raises:
            UsageError: if it is damaged, or the variables are others than those that were saved.
        """
        arrays, facts = self._read_or_say(step, variables)
        for index, variable in enumerate(variables):
            variable.assign(arrays[_name(index)])
        return facts

    def _read_or_say(self, step, variables=None):
        try:
            return self._read(step, variables)
        except DamagedError as error:
            raise UsageError(f"{self._folder / _FORMAT.format(int(step))} {error}") from error

    def _read(self, step, variables=None):
        """Returns the arrays by name and the facts, all of them checked."""
        try:
            content = (self._folder / _FORMAT.format(int(step))).read_bytes()
        except OSError as error:
            raise DamagedError(f"cannot be read: {error.strerror}") from error
        content, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
        if hashlib.sha256(content).digest() != digest:
            raise DamagedError("its SHA-256 is another")
        arrays = read_arrays(io.BytesIO(content))
        facts = self._parse(arrays.pop(_FACTS, None), step)
        forms = None
        if variables is not None:
            forms = {_name(i): form_of(variable) for i, variable in enumerate(variables)}
        check_arrays(arrays, forms)
        return arrays, facts

    def _parse(self, text, step):
        try:
            facts = json.loads(str(text))
            if not isinstance(facts, dict):
                raise ValueError("they are no JSON object")
            self._check_facts(facts, step)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"has facts that cannot be read: {shortened(error)}") from error
        return facts


def _name(index):
    return f"variable_{index:05d}"

"""Checkpoints: the full state of a training, so that it can resume after any interruption."""

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

    A file gets its name only once it is complete and on the disk. The SHA-256 of the arrays follows
    them in the file. A file damaged by a crash or a disk fault is therefore detected, reported and
    skipped. (The checksums of a zip archive do not cover its headers.) A file with the right digest
    that is not a checkpoint of this training is skipped too.

    Args:
        folder: their folder, which is created when the first one is saved.
        keep: the number of checkpoints to keep, the newest.
        check_facts: function of the facts and the step that raises a `ValueError` if the facts
            cannot be used.
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
        """Returns the steps that have a file, the newest first."""
        names = (_NAME.fullmatch(path.name) for path in self._folder.glob("step_*.npz"))
        steps = {int(name[1]): name[0] for name in names if name}
        return sorted((s for s, name in steps.items() if name == _FORMAT.format(s)), reverse=True)

    def save(self, step: int, variables: Sequence[keras.Variable], facts: dict[str, Any]) -> None:
        """Saves a checkpoint and removes the oldest ones.

        Args:
            step: integer, the number of steps taken.
            variables: list of Keras variables.
            facts: dictionary that can be written as JSON.

        Raises:
            UsageError: if a variable is no longer finite.
            OSError: if the disk is full or the folder cannot be written. Earlier checkpoints stay.
        """
        arrays = {_name(i): keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
        for variable, array in zip(variables, arrays.values(), strict=True):
            if not np.all(np.isfinite(array)):
                raise UsageError(
                    f"{variable.path} is no longer finite after step {step}; the last good "
                    f"checkpoint is that of step {self.newest()}; try a lower --learning_rate"
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

        A warning names each damaged checkpoint and the reason.

        Args:
            variables: list of Keras variables that it must fit. Default: not checked.
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
        """Restores the variables of a step and returns the facts.

        Raises:
            UsageError: if it is damaged or was saved from other variables.
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
        """Returns the arrays by name, and the facts, after checking them."""
        try:
            content = (self._folder / _FORMAT.format(int(step))).read_bytes()
        except OSError as error:
            raise DamagedError(f"cannot be read: {error.strerror}") from error
        content, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
        if hashlib.sha256(content).digest() != digest:
            raise DamagedError("has the wrong SHA-256")
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
                raise ValueError("they are not a JSON object")
            self._check_facts(facts, step)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"has facts that cannot be read: {shortened(error)}") from error
        return facts


def _name(index):
    return f"variable_{index:05d}"

"""Sequences of token ids."""

import pathlib
from typing import Any

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities.lines import parse_numbers
from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    ReadOptions,
    as_numbers,
    numbered,
    padded,
)
from nrnm_keras.inference.modalities.sequences import SUFFIXES
from nrnm_keras.plots.time_steps import TimeSteps
from pipelines.sequence_files.reader import read_sequences


class TokenSequences(Modality):
    """Token ids `(batch, timesteps)` from 1 on; 0 is padding."""

    name, plural = "sequence of token ids", "sequences of token ids"
    step_name = "token_id"
    suffixes = SUFFIXES
    description = "sequences of token ids from 1 on, padded with 0"
    nothing = "The id 0 is skipped."
    takes_ids = True

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether the input is integers."""
        (raw, *more) = model.inputs
        return not more and len(raw.shape) == 2 and raw.dtype.startswith("int")

    def find_fault(self, value: Any) -> str | None:
        """Says which id is unknown, or which shape is wrong."""
        ids = as_numbers(value)
        if ids is None or ids.ndim != 1:
            shown = "not an array of numbers" if ids is None else f"shape {ids.shape}"
            return f"{shown}; expected token ids (timesteps,)"
        last = self._vocabulary_size() - 1
        wrong = ~((ids >= 0) & (ids <= last) & (ids % 1 == 0))
        if not wrong.any():
            return None
        step = int(wrong.argmax())
        return f"step {step} (from 0): id {ids[step]:g}; expected an integer from 1 to {last}"

    def empty(self) -> np.ndarray:
        """Returns an empty sequence."""
        return np.zeros(0, np.int32)

    def as_batch(self, values: list) -> np.ndarray:
        """Returns the ids, padded with 0."""
        return padded(values, 0).astype(np.int32)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the ids as names."""
        ids = np.asarray(raw)[0]
        return {"": numbered("time step", np.arange(1, len(ids) + 1))._replace(names=_names(ids))}

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the ids of one or several steps."""
        ids = np.atleast_1d(np.asarray(piece))
        if fault := self.find_fault(ids):
            raise MalformedError(f"be a token id, or several. Received: {fault}")
        return list(ids.astype(dtype))

    def parse_line(self, line: str) -> list:
        """Returns the ids in a line."""
        last = self._vocabulary_size() - 1
        expected = f"token ids from 1 to {last}, as a JSON list or separated by commas or spaces"
        ids = parse_numbers(line, expected)
        if fault := self.find_fault(ids):
            raise MalformedError(f"has {fault.partition(';')[0]}; expected {expected}")
        return ids

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the ids in a file of sequences of one feature."""
        count, limit = 0, options.limit
        for sequence in read_sequences(path, with_labels=False, limit=limit):
            values: Any = sequence.values
            size = values.shape[1]
            if size != 1:
                raise UsageError(
                    f"{sequence.place}: {size} features; expected 1, the token id of each step"
                )
            if fault := self.find_fault(values[:, 0]):
                raise UsageError(f"{sequence.place}, {fault}")
            count += 1

        def read():
            for sequence in read_sequences(path, with_labels=False, limit=limit):
                yield sequence.number, sequence.values[:, 0].astype(np.int32)

        return Inputs(SUFFIXES[path.suffix.lower()], count, read)


def _names(ids):
    return [str(int(each)) for each in ids]

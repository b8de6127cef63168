"""Sequences of feature vectors."""

import pathlib
from typing import Any

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities.lines import as_array, parse_numbers
from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    ReadOptions,
    as_numbers,
    fits,
    numbered,
    padded,
    shown_shape,
)
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.preprocessing import NanPadding, Standardization
from nrnm_keras.preprocessing.step_stacking import number_stacked
from pipelines.sequence_files.columns import Columns
from pipelines.sequence_files.reader import (
    TABLES,
    Reading,
    read_ids_and_labels,
    read_sequences,
)

SUFFIXES = {".npz": "index", ".ts": "line"}


class Sequences(Modality):
    """Features `(batch, timesteps, features)`, padded with NaN if the network masks it."""

    name, plural = "sequence", "sequences"
    step_name = "features"
    suffixes = {**SUFFIXES, **dict.fromkeys(TABLES, "line")}
    column_flags = ("id_column", "time_column", "label_column")

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        super().__init__(model, network)
        self.is_padded = any(isinstance(layer, NanPadding) for layer in network.layers)
        self._stacked_steps = number_stacked(network)
        scaling = [layer for layer in network.layers if isinstance(layer, Standardization)]
        # Of the training file. A table to predict for may have its columns in another order.
        self._feature_names = tuple(scaling[0].feature_names or ()) if scaling else ()
        self.description = "sequences of feature vectors"
        self.nothing = ""
        if self.is_padded:
            self.description += ", padded with NaN"
            self.nothing = "Steps whose features are all NaN are skipped."

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether the input is feature vectors."""
        (raw, *more) = model.inputs
        return not more and len(raw.shape) == 3 and raw.dtype.startswith(("float", "bfloat"))

    def find_fault(self, value: Any) -> str | None:
        """Says which value is not a finite number, or which shape is wrong."""
        numbers = as_numbers(value)
        if numbers is None or not fits(numbers.shape, self.shape):
            shown = "not an array of numbers" if numbers is None else f"shape {numbers.shape}"
            return f"{shown}; expected {shown_shape(self.shape, 'timesteps')}"
        if np.isfinite(numbers).all():
            return None
        for step, features in enumerate(value):
            if fault := self._fault_of_step(features):
                return f"step {step} (from 0): {fault}; expected a number"
        return None

    def empty(self) -> np.ndarray:
        """Returns an empty sequence."""
        return np.zeros((0, *self.shape[1:]), np.float32)

    def as_batch(self, values: list) -> np.ndarray:
        """Returns the sequences, padded with NaN."""
        return padded(values, np.nan)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the number of the first of the steps that are stacked together."""
        return {"": numbered("time step", np.arange(1, raw.shape[1] + 1, self._stacked_steps))}

    def no_step(self, shape: tuple, dtype: str) -> np.ndarray:
        """Returns features that are all NaN, or zeros if the network does not mask NaN."""
        return np.full([size or 1 for size in shape], np.nan if self.is_padded else 0, dtype)

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the features of a step."""
        step = np.asarray(piece)
        if not fits(step.shape, shape):
            raise MalformedError(f"have shape {shape}. Received: shape {step.shape}")
        if fault := self._fault_of_step(step):
            raise MalformedError(f"have finite numbers. Received: {fault}")
        return [step.astype(dtype)]

    def parse_line(self, line: str) -> np.ndarray:
        """Returns the features in a line."""
        (size,) = self.shape[1:]
        expected = f"{size} numbers, as a JSON list or separated by commas or spaces"
        features = as_array(parse_numbers(line, expected), (size,), expected)
        if fault := self._fault_of_step(features):
            raise MalformedError(f"has a number that is not finite, {fault}; expected {expected}")
        return features

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the sequences in a file. All are read once to check them."""
        count, size, limit = 0, self.shape[-1], options.limit
        columns = Columns(*map(options.columns.get, self.column_flags))
        how = Reading(columns, features=self._feature_names)
        for sequence in read_sequences(path, with_labels=False, limit=limit, how=how):
            values: Any = sequence.values
            found = values.shape[1]
            if found != size:
                raise UsageError(f"{sequence.place}: {found} features; the model takes {size}")
            count += 1

        def read():
            for sequence in read_sequences(path, with_labels=False, limit=limit, how=how):
                yield sequence.number, sequence.values

        suffix = path.suffix.lower()
        if suffix not in TABLES:
            return Inputs(SUFFIXES[suffix], count, read)

        def read_labels():
            return (label for _, label in read_ids_and_labels(path, limit, columns))

        first, _ = next(read_ids_and_labels(path, limit, columns))
        if first is None:
            return Inputs(self.suffixes[suffix], count, read, read_labels)

        def read_with_ids():
            ids = (name for name, _ in read_ids_and_labels(path, limit, columns))
            return ((name, value) for name, (_, value) in zip(ids, read(), strict=True))

        return Inputs("id", count, read_with_ids, read_labels)

    def _fault_of_step(self, step):
        """Says what is not finite in a step. A step that is all NaN is padding, not a fault."""
        numbers = as_numbers(step)
        if numbers is None:
            return "not numeric"
        wrong = ~np.isfinite(numbers)
        if not wrong.any() or (self.is_padded and np.isnan(numbers).all()):
            return None
        feature = int(wrong.argmax())
        return f"feature {feature} (from 0) is {np.asarray(step)[feature]:g}"

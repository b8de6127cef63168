"""Modality: what depends on a model's kind of input (texts, skeletons, sequences, ...)."""

import functools
import itertools
import pathlib
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from nrnm_keras.errors import UsageError
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation


class Inputs(NamedTuple):
    """Raw inputs of a model, read one by one on demand.

    Attributes:
        naming: kind of their names: `"text"`, the text itself; `"file"`, the path within the
            folder; `"index"`, from 0, or `"line"`, from 1, in the file.
        count: the number of inputs.
        read: function that returns an iterator over pairs (name, raw input).
        read_others: function that returns an iterator over dictionaries: for each input, the values
            of its file's other columns by name.
    """

    naming: str
    count: int  # type: ignore[assignment]
    read: Callable
    read_others: Callable = functools.partial(itertools.repeat, {})

    @property
    def other_columns(self) -> list[str]:
        """The names of the other columns that the first input has."""
        return list(next(self.read_others(), {}))


class ReadOptions(NamedTuple):
    """How files are read.

    Attributes:
        ntu_bodies: how two bodies are chosen in `.skeleton` files, a key of `BODIES`.
        limit: bytes read at once at most, or None for the usual limits.
        columns: names of the columns of tables by their flags, for those that were given.
    """

    ntu_bodies: str = "tracked"
    limit: int | None = None
    columns: Mapping[str, str] = types.MappingProxyType({})


class MalformedError(ValueError):
    """A malformed line or step."""


class Modality:
    """The raw input of a model: its names, shapes and files.

    Args:
        model: the Keras model from raw input.
        network: the `keras.Sequential` in it, from encoded input.

    Attributes:
        name, plural: what the inputs are called.
        step_name: name of the next step among the inputs of a streaming network.
        suffixes: dictionary from the suffix of input files to the kind of names, as in `Inputs`.
        column_flags: the names of the flags that name columns of its files.
        description: what the model takes, for the model card.
        nothing: how the model treats an input without steps, in a sentence.
        is_padded: whether inputs of different lengths go into one batch.
        takes_ids: whether encoded input is token ids, 0 for padding.
        lookup: function from tokens, strings, to their ids; None if there is none.
        advice: how to train a model that can be fed step by step.
        example, example_token: inputs in the model card's program, if the model takes strings.
    """

    name: str
    plural: str
    step_name: str
    suffixes: dict[str, str]
    column_flags: tuple[str, ...] = ()
    description: str
    nothing: str
    is_padded = True
    takes_ids = False
    text_preprocessor: Any = None
    lookup: Callable | None = None
    advice = "; train one with --nobidirectional, and for skeletons with --length=all"
    example = "I loved every minute of it."
    example_token = "good"

    def __init__(self, model: keras.Model, network: keras.Sequential) -> None:
        self.network = network
        self.inputs = model.inputs
        self.shape = tuple(model.inputs[0].shape[1:])

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Returns whether a model has such input."""
        raise NotImplementedError

    # One input.

    def find_fault(self, value: Any) -> str | None:
        """Says what is wrong with a raw input, or returns None."""
        raise NotImplementedError

    def length(self, value: Any) -> int:
        """Returns the number of steps of a raw input, or another measure of its length."""
        return len(value)

    def empty(self) -> Any:
        """Returns a raw input without steps."""
        raise NotImplementedError

    def from_record(self, values: list) -> Any:
        """Returns the raw input from the features of a record."""
        (value,) = values
        return value

    # Batches.

    def as_batch(self, values: list) -> Any:
        """Returns raw inputs as one padded batch."""
        raise NotImplementedError

    def encode(self, raw: Any) -> Any:
        """Encodes a batch for the network: texts become token ids, other input is unchanged."""
        return raw

    def parts(self, encoded: Tensor) -> dict[str, Any]:
        """Returns the sequences in a batch of encoded input by name; a single one is named ""."""
        return {"": encoded}

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the `TimeSteps` of each part of a batch of one raw input."""
        raise NotImplementedError

    # Step by step.

    def no_step(self, shape: tuple, dtype: str) -> np.ndarray:
        """Returns the step that represents a sequence without steps."""
        return np.zeros([size or 1 for size in shape], dtype)

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the next steps in a piece of a sequence, as the network takes them.

        Raises:
            MalformedError: if the piece is malformed. The message continues "must".
        """
        raise NotImplementedError

    def parse_line(self, line: str) -> Any:
        """Returns the piece of a sequence in a line of text.

        Raises:
            MalformedError: if the line is malformed. The message follows the line.
        """
        raise NotImplementedError

    def portable_steps(self, raw: Any) -> dict[str, np.ndarray]:
        """Returns all next steps of a batch of one raw input, as an exported `step` takes them."""
        return {self.step_name: np.array(self.encode(raw)[0])}

    # Files.

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the `Inputs` in a file that ends in one of `suffixes`."""
        raise NotImplementedError

    def read_folder(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the `Inputs` in a folder."""
        raise UsageError(
            f"{path} is a folder, but the model takes {self.plural}; expected a file, "
            f"{', '.join(self.suffixes)}"
        )

    def one_text(self, text: str) -> Inputs:
        """Returns the `Inputs` of a text on the command line."""
        raise UsageError(
            f"texts were given, but the model takes {self.plural}; expected "
            f"{', '.join(self.suffixes)}"
        )

    # Exports.

    def feature_specs(self, sequences: Tensor) -> dict[str, tf.TensorSpec]:
        """Returns the inputs of the signature `features`.

        Args:
            sequences: symbolic tensor, what the head of the network takes.
        """
        if self.takes_ids:
            return {"token_ids": tf.TensorSpec((None, None, *self._id_shape), tf.int32)}
        specs = {"features": tf.TensorSpec((None, None, sequences.shape[-1]), tf.float32)}
        if self.is_padded:
            specs["mask"] = tf.TensorSpec((None, None), tf.bool)
        return specs

    def vocabulary(self) -> list[str]:
        """Returns the tokens in the order of their ids; empty if the model has none."""
        return []

    # Pictures.

    draws_running = False

    def draw(self, explanation: "Explanation", folder: pathlib.Path) -> None:
        """Draws the plots for this modality only, of an `Explanation` with a running prediction.

        If `draws_running`, they include the running prediction.
        """

    _id_shape: tuple = ()

    def _vocabulary_size(self):
        """Returns the number of token ids that the network knows."""
        embeddings = (x for x in self.network.layers if isinstance(x, layers.Embedding))
        return next(embeddings).input_dim


def check_text(flag: str, text: str) -> None:
    """Raises a `UsageError` if a text on the command line is empty or not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{flag} is not UTF-8 ({error.reason})") from error
    if not text.strip():
        raise UsageError(f"{flag} is empty; expected words")


def fault_of_text(text: Any) -> str | None:
    """Says what is wrong with a text, or returns None."""
    if isinstance(text, bytes):
        return None
    if not isinstance(text, str):
        return f"a {type(text).__name__}; expected a string"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"not valid Unicode ({error.reason})"
    return None


def as_numbers(value: Any) -> np.ndarray | None:
    """Returns a float32 array, infinite where a number is too large; None if it is not numeric."""
    try:
        with np.errstate(over="ignore"):
            return np.asarray(value).astype("float32")
    except (TypeError, ValueError):
        return None


def fits(shape: tuple, expected: tuple) -> bool:
    """Returns whether a shape is as expected, where None stands for any size."""
    return len(shape) == len(expected) and all(
        size in (wanted, None) if wanted is not None else True
        for size, wanted in zip(shape, expected, strict=True)
    )


def numbered(unit: str, numbers: np.ndarray) -> TimeSteps:
    """Returns `TimeSteps` named by their rounded numbers."""
    return TimeSteps(unit, numbers, [f"{number:.0f}" for number in numbers])


def shown_shape(shape: tuple, first: str) -> str:
    """Returns a shape in words, with the name of its first size.

    Example:

    >>> shown_shape((None, 3), "timesteps")
    '(timesteps, 3)'
    """
    sizes = [first, *("any" if size is None else str(size) for size in shape[1:])]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def padded(values: list, padding: float) -> np.ndarray:
    """Returns arrays `(timesteps, ...)` as one batch of float32."""
    shape = (len(values), max(map(len, values)), *np.shape(values[0])[1:])
    batch = np.full(shape, padding, np.float32)
    for row, value in zip(batch, values, strict=True):
        row[: len(value)] = value
    return batch


def portable(array: np.ndarray) -> np.ndarray:
    """Returns byte strings as an array that can be saved without pickle."""
    if array.dtype != object:
        return array
    return np.array([text.decode("utf-8", "replace") for text in array.ravel()], str)

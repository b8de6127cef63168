"""Predictions while a sequence comes in, line by line."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities.modality import MalformedError

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_KEY = "standard input"
_LONGEST_SHOWN = 40  # characters


def follow(trained: "TrainedModel", lines: Iterable[bytes]) -> Iterator[np.ndarray | None]:
    """Yields the prediction so far after each line; an empty line ends a sequence.

    Args:
        trained: a `TrainedModel` that can be fed step by step.
        lines: iterable of lines in UTF-8, bytes. For a model of texts each is the next piece of a
            text, with any number of tokens (a text that comes in lines is never cut, however long).
            For one of skeletons it is a frame, a JSON list of bodies, each a list of joints, each a
            list of x, y and z in meters; zeros for a body that is not there. For one of sequences
            it is a time step: its features as a JSON list, or separated by commas or spaces. For
            one of token ids it is one or several ids.

    Yields:
        What the model gives for the sequence up to here, as `Streams.push` returns it: of a
        classifier, probabilities `(classes,)`. None after an empty line.

    Raises:
        UsageError: if the model needs whole sequences, or a line is not as it should be.
    """
    streams = _open_streams(trained)
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode().strip()
            step = trained.modality.parse_line(text) if text else None
            result = streams.push({_KEY: step})[_KEY] if text else None
        except MalformedError as error:
            raise UsageError(f"standard input, line {number}: {_shown(text)} {error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input, line {number}: not UTF-8 ({error})") from error
        except ValueError as error:
            raise UsageError(f"standard input, line {number}: {error}") from error
        if not text and len(streams):
            streams.end(_KEY)
        yield result


def _open_streams(trained):
    try:
        return trained.streams()
    except ValueError as error:
        raise UsageError(
            f"the model cannot be fed step by step ({error}){trained.modality.advice}"
        ) from error


def _shown(text):
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")

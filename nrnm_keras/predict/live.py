"""Live predictions for a sequence that arrives line by line."""

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
        lines: iterable of lines, bytes in UTF-8. What a line holds depends on the model's input:
            - texts: the next piece of a text, any number of tokens. The text is never truncated.
            - skeletons: a frame, a JSON list of bodies, each a list of joints, each a list of x, y
              and z in meters; a missing body is zeros.
            - sequences: a time step, its features as a JSON list or separated by commas or spaces.
            - token ids: one or several ids.

    Yields:
        The prediction for the sequence so far, as `Streams.push` returns it: for a classifier,
        probabilities `(classes,)`. None after an empty line.

    Raises:
        UsageError: if the model needs whole sequences, or a line is malformed.
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

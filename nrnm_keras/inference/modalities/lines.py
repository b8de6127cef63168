"""Numbers in a line of text: a JSON list, or numbers separated by commas or spaces."""

import json
import re
from typing import Any

import numpy as np

from nrnm_keras.inference.modalities.modality import MalformedError
from pipelines.numbers import parse_float


def parse_json(line: str, expected: str) -> Any:
    """Returns the value of a line of JSON; `expected` describes it in errors."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"is not JSON; expected {expected}") from error


def parse_numbers(line: str, expected: str) -> list:
    """Returns the numbers in a line, a JSON list or separated by commas or spaces."""
    if line.startswith("["):
        return parse_json(line, expected)
    try:
        return [parse_float(word) for word in re.split(r"\s*,\s*|\s+", line)]
    except ValueError as error:
        raise MalformedError(f"has {error}; expected {expected}") from error


def as_array(values: Any, shape: tuple, expected: str) -> np.ndarray:
    """Returns nested lists of numbers as an array of a shape."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise MalformedError(f"has lists of unequal length; expected {expected}") from error
    if array.shape != shape:
        raise MalformedError(f"has shape {array.shape}; expected {expected}")
    if array.dtype.kind not in "if":
        raise MalformedError(f"has something that is not a number; expected {expected}")
    return array

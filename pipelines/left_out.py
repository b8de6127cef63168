"""Leaves out examples that hold no data, and names them in the build's metadata."""

from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from pipelines.errors import SourceError

_KEY = "left_out"
_SHOWN = 3  # names in a warning


def usable_examples(
    builder: tfds.core.DatasetBuilder,
    examples: Iterable[tuple[str, str, dict[str, Any] | None]],
    message: str,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the examples of a split that hold data, and notes the names of the others.

    Args:
        builder: the TFDS builder, while it builds.
        examples: (name for messages, key, example) of each; the example is None if it holds no
            data.
        message: the error message if no example holds data.

    Yields:
        A tuple (key, example).

    Raises:
        SourceError: if no example holds data.
    """
    is_empty, left_out = True, []
    for name, key, example in examples:
        if example is None:
            left_out.append(name)
        else:
            is_empty = False
            yield key, example
    if is_empty:
        raise SourceError(message)
    if left_out:
        builder.info.metadata[_KEY] = [*builder.info.metadata.get(_KEY, []), *left_out]


def left_out_warnings(builder: tfds.core.DatasetBuilder, description: str) -> list[str]:
    """Returns a line about the examples that a finished build left out; an empty list if none.

    Args:
        builder: the TFDS builder.
        description: what they have in common, such as "without one usable joint".
    """
    names = (builder.info.metadata or {}).get(_KEY, [])
    if not names:
        return []
    more = [f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    return [f"left out: {len(names):,} {description}: {', '.join([*names[:_SHOWN], *more])}"]

"""Records in a build's metadata which examples were left out because they hold no data."""

from collections.abc import Sequence

import tensorflow_datasets as tfds

_KEY = "left_out"
_SHOWN = 3  # names in a warning


def note_left_out(builder: tfds.core.DatasetBuilder, names: Sequence[str]) -> None:
    """Adds names of examples to the metadata of a builder while it builds."""
    if names:
        builder.info.metadata[_KEY] = [*builder.info.metadata.get(_KEY, []), *names]


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

"""Examples that a build leaves out because they say nothing: noted in its metadata."""

_KEY = "left_out"
_SHOWN = 3  # names in a warning


def note_left_out(builder, names):
    """Notes names of examples in the metadata of a TFDS builder that is at work."""
    if names:
        builder.info.metadata[_KEY] = [*builder.info.metadata.get(_KEY, []), *names]


def left_out_warnings(builder, reason):
    """Returns a line for a finished build that has left examples out, in a list; else none.

    Args:
        builder: the TFDS builder.
        reason: what they are, in words.
    """
    names = (builder.info.metadata or {}).get(_KEY, [])
    if not names:
        return []
    more = [f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    return [f"left out: {len(names):,} {reason}: {', '.join([*names[:_SHOWN], *more])}"]

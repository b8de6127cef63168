"""States that are not those of a cell are refused before they fail somewhere inside it."""

from keras import tree


def static_shapes(states):
    """The shapes of states, of whatever was given for them, with `None` for unknown sizes."""
    return [tuple(getattr(state, "shape", ())) for state in tree.flatten(states)]


def check_state_shapes(shapes, expected, batch_size, argument):
    """Raises a `ValueError` unless each state of a cell has the shape `(batch, size)`.

    Args:
        shapes: List of the shapes of what was given.
        expected: List of pairs, what a state is and its size.
        batch_size: Integer, or `None` if it is not known.
        argument: The name of the argument that the states were given for.
    """
    wanted = [(batch_size, size) for _, size in expected]
    if len(shapes) == len(wanted) and all(map(_fits, shapes, wanted)):
        return
    names = ", ".join(f"{name} {_text((batch_size, size))}" for name, size in expected)
    received = [_text(shape) for shape in shapes[: len(wanted) + 1]]
    if len(received) < len(shapes):
        received.append("...")
    raise ValueError(
        f"Argument `{argument}` must be {len(wanted)} tensors ({names}), as "
        "`get_initial_state(batch_size)` or a layer with `return_state=True` returns them. "
        f"Received: {len(shapes)} of the shapes {', '.join(received)}".rstrip()
    )


def _fits(shape, wanted):
    # What is known only while the program runs is not compared.
    known = [pair for pair in zip(shape, wanted, strict=False) if _are_integers(pair)]
    return len(shape) == len(wanted) and all(size == right for size, right in known)


def _are_integers(sizes):
    return all(isinstance(size, int) for size in sizes)


def _text(shape):
    return str(tuple(size if isinstance(size, int) else "batch" for size in shape)).replace("'", "")

"""States that are not those of a cell are refused before they fail somewhere inside it."""

from collections.abc import Sequence
from typing import Any

from keras import tree

from nrnm_keras.typing import Tensor


def check_states(
    states: Any, expected: Sequence[tuple[str, int]], inputs: Tensor, argument: str
) -> None:
    """Raises a `ValueError` unless each state has the shape `(batch, size)`.

    Args:
        states: What was given for the states.
        expected: List of pairs, what a state is and its size.
        inputs: Tensor `(batch, ...)` that goes with the states.
        argument: The name of the argument that the states were given for.
    """
    batch_size = next(iter(_static_shape(inputs)), None)
    shapes = [_static_shape(state) for state in tree.flatten(states)]
    wanted = [(batch_size, size) for _, size in expected]
    if len(shapes) == len(wanted) and all(map(_fits, shapes, wanted)):
        return
    names = ", ".join(f"{name} {_text((batch_size, size))}" for name, size in expected)
    received = ", ".join(map(_text, shapes[: len(wanted) + 1]))
    more = ", ..." if len(shapes) > len(wanted) + 1 else ""
    raise ValueError(
        f"Argument `{argument}` must be {len(wanted)} tensors ({names}), as "
        "`get_initial_state(batch_size)` or a layer with `return_state=True` returns them. "
        f"Received: {len(shapes)}{' of the shapes ' if shapes else ''}{received}{more}"
    )


def _static_shape(tensor):
    """Its shape with `None` for unknown sizes; that of what is no tensor fits no state."""
    return tuple(getattr(tensor, "shape", ()))


def _fits(shape, wanted):
    # What is known only while the program runs is not compared.
    known = [sizes for sizes in zip(shape, wanted, strict=False) if all(map(_is_known, sizes))]
    return len(shape) == len(wanted) and all(size == right for size, right in known)


def _is_known(size):
    return isinstance(size, int)


def _text(shape):
    sizes = [str(size) if _is_known(size) else "batch" for size in shape]
    return f"({', '.join(sizes)})"

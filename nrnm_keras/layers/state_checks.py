"""Checks of the states that are passed to a cell."""

from collections.abc import Sequence
from typing import Any

from keras import tree

from nrnm_keras.typing import Tensor


def check_states(
    states: Any, expected: Sequence[tuple[str, int]], inputs: Tensor, argument: str
) -> None:
    """Raises a `ValueError` unless each state has the shape `(batch, size)`.

    Args:
        states: The value of the argument.
        expected: List of pairs of the description and the size of a state.
        inputs: Tensor `(batch, ...)` of the same batch.
        argument: The name of the argument, for the error.
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
    """The shape of a tensor, with None for unknown sizes; `()` for other objects."""
    return tuple(getattr(tensor, "shape", ()))


def _fits(shape, wanted):
    # Sizes that are known only at run time are not compared.
    known = [sizes for sizes in zip(shape, wanted, strict=False) if all(map(_is_known, sizes))]
    return len(shape) == len(wanted) and all(size == right for size, right in known)


def _is_known(size):
    return isinstance(size, int)


def _text(shape):
    sizes = [str(size) if _is_known(size) else "batch" for size in shape]
    return f"({', '.join(sizes)})"

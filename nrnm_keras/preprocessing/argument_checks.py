"""Checks that the skeleton layers share."""

from collections.abc import Iterable
from typing import Any

from nrnm_keras.preprocessing.skeleton_layout import LAYOUTS
from nrnm_keras.typing import Shape


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuses what is not one of the choices."""
    if value not in choices:
        raise ValueError(
            f"Argument `{name}` must be one of {tuple(choices)}. Received: {name}={value!r}"
        )


def check_range(name: str, value: Any, is_allowed: bool, allowed: str) -> None:
    """Refuses a value out of its range, which is told in words."""
    if not is_allowed:
        raise ValueError(f"Argument `{name}` must be {allowed}. Received: {name}={value!r}")


def check_shape(shape: Shape, layout: str) -> None:
    """Refuses joints that are not `(batch, frames, bodies, joints, 3)` with the layout's joints.

    A layer cannot be made for no frames, but one that is made for any number takes none, too.
    """
    num_joints = LAYOUTS[layout].num_joints
    if len(shape) != 5 or tuple(shape[3:]) != (num_joints, 3) or not shape[2] or shape[1] == 0:
        raise ValueError(
            f"The joints of layout={layout!r} must have the shape (batch, frames, bodies, "
            f"{num_joints}, 3), with at least one frame and a known number of bodies. "
            f"Received: shape={tuple(shape)}"
        )


def check_shape_in_call(shape: Shape, layout: str) -> None:
    """Refuses the same but for the number of frames."""
    batch_size, *_ = shape
    check_shape((batch_size, None, *shape[2:]), layout)

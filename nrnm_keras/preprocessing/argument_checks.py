"""Argument checks of the skeleton layers."""

from collections.abc import Iterable
from typing import Any

from nrnm_keras.config.skeleton_layout import LAYOUTS
from nrnm_keras.typing import Shape


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Raises a `ValueError` unless a value is one of the choices."""
    if value not in choices:
        raise ValueError(
            f"Argument `{name}` must be one of {tuple(choices)}. Received: {name}={value!r}"
        )


def check_range(name: str, value: Any, is_allowed: bool, allowed: str) -> None:
    """Raises a `ValueError` with a description of the range unless a value is allowed."""
    if not is_allowed:
        raise ValueError(f"Argument `{name}` must be {allowed}. Received: {name}={value!r}")


def check_shape(shape: Shape, layout: str) -> None:
    """Raises a `ValueError` unless joints are `(batch, frames, bodies, joints, 3)` of the layout.

    A layer cannot be built for 0 frames, but a layer built for any number of frames accepts 0.
    """
    num_joints = LAYOUTS[layout].num_joints
    if len(shape) != 5 or tuple(shape[3:]) != (num_joints, 3) or not shape[2] or shape[1] == 0:
        raise ValueError(
            f"The joints of layout={layout!r} must have the shape (batch, frames, bodies, "
            f"{num_joints}, 3), with at least one frame and a known number of bodies. "
            f"Received: shape={tuple(shape)}"
        )


def check_shape_in_call(shape: Shape, layout: str) -> None:
    """Checks the same except the number of frames."""
    batch_size, *_ = shape
    check_shape((batch_size, None, *shape[2:]), layout)

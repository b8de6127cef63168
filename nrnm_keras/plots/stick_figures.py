"""Stick figures: the bodies of one frame of a skeleton sequence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nrnm_keras.plots.colors import BLUE, GREEN, ORANGE, VERMILION
from nrnm_keras.typing import ArrayLike, Axes

_COLORS = (BLUE, VERMILION, GREEN, ORANGE)
_MARGIN = 0.1  # around the bodies, in meters


class StickFigures:
    """Draws frames of one sequence to one scale, as the camera sees them.

    Args:
        joints: numbers of shape `(frames, bodies, joints, 3)`, in meters, y up and z away from the
            camera. A missing body is zero; a joint that is not finite is left out.
        parents: the parent joint of each joint, the root's being itself.
    """

    def __init__(self, joints: ArrayLike, parents: Sequence[int]) -> None:
        joints = np.asarray(joints, "float32")
        is_missing = np.all(joints == 0, axis=(2, 3), keepdims=True)
        self._points = np.where(is_missing | ~np.isfinite(joints), np.nan, joints)[..., :2]
        self._bones = np.stack([np.arange(len(parents)), parents])

    def limits(self, frames: Any, aspect: float) -> tuple[np.ndarray, np.ndarray]:
        """Returns the corners, `(2,)` each, of what holds the bodies of some frames.

        Args:
            frames: list of integers from 0.
            aspect: width of what is returned as a multiple of its height.
        """
        points = self._points[frames].reshape(-1, 2)
        points = points[np.isfinite(points).all(axis=-1)]
        if not len(points):
            points = np.array([[-1.0, -1.0], [1.0, 1.0]])
        low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
        width, height = high - low
        size = np.array([max(width, aspect * height), max(height, width / aspect)])
        return (low + high - size) / 2, (low + high + size) / 2

    def draw(
        self,
        axes: Axes,
        frame: int,
        limits: tuple[np.ndarray, np.ndarray],
        linewidth: float = 1.5,
        alpha: float = 1.0,
    ) -> None:
        """Draws one frame, and nothing else, into matplotlib axes.

        Args:
            axes: the axes.
            frame: integer from 0.
            limits: corners from `limits`.
            linewidth: of the bones, in points.
            alpha: opacity of the bodies.
        """
        for body, points in enumerate(self._points[frame]):
            x, y = points[self._bones].transpose(2, 0, 1)
            color = _COLORS[body % len(_COLORS)]
            axes.plot(x, y, color=color, linewidth=linewidth, alpha=alpha, solid_capstyle="round")
        (left, low), (right, high) = limits
        axes.set(xlim=(left, right), ylim=(low, high), xticks=[], yticks=[])

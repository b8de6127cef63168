"""Plot of a skeleton sequence: stick figures in a row."""

import textwrap
from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.sheet import LONGEST_TITLE
from nrnm_keras.typing import ArrayLike, File
from pipelines.escaping import for_picture

# Blue, vermilion, green, orange: of the palette for color-blind readers of Okabe and Ito (2008).
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#E69F00")
_HEIGHT = 2.6  # inches, of a panel
_WIDEST_ROW = 14.0
_NARROWEST = 0.4  # the short side of a panel, as a part of its long side
_MOST_FRAMES = 24
_CHARACTERS_ACROSS = 100
_MARGIN = 0.1  # around the bodies, in meters


def draw_skeleton_sequence(
    joints: ArrayLike, parents: Sequence[int], path: File, title: str, num_frames: int = 8
) -> None:
    """Plots evenly spaced frames of a skeleton sequence side by side, to one scale, as a PNG.

    The view is the camera's: x to the right, as in Kinect's mirrored images, and y up. Each body
    has its color. Frames are counted from 1.

    Args:
        joints: numbers of shape `(frames, bodies, joints, 3)`, in meters, y up and z away from the
            camera. A missing body is zero; a joint that is not finite is left out.
        parents: the parent joint of each joint, the root's being itself.
        path: where the plot is written, a path or a binary file.
        title: line above the figures.
        num_frames: the largest number of frames to draw; at most 24 are drawn.

    Raises:
        ValueError: if the joints are of another shape, have no frames, or are not as many as the
            parents.

    Example:

    >>> import io
    >>> legs = [[-0.2, 0.0, 3.0], [0.0, 0.8, 3.0], [0.2, 0.0, 3.0]]  # feet and hip of one body
    >>> picture = io.BytesIO()
    >>> draw_skeleton_sequence([[legs]], parents=[1, 1, 1], path=picture, title="Standing")
    >>> picture.getvalue()[1:4]
    b'PNG'
    """
    joints = np.asarray(joints, "float32")
    if joints.ndim != 4 or joints.shape[2:] != (len(parents), 3) or not len(joints):
        raise ValueError(
            f"joints of shape (frames, bodies, {len(parents)}, 3) were expected, with a parent "
            f"for each joint and at least one frame, but their shape is {joints.shape}"
        )
    is_missing = np.all(joints == 0, axis=(2, 3), keepdims=True)
    points = np.where(is_missing | ~np.isfinite(joints), np.nan, joints)[..., :2]
    frames = _evenly(len(points), min(num_frames, _MOST_FRAMES))
    bones = np.stack([np.arange(len(parents)), parents])
    low, high = _limits(points[frames])
    figure = _figure(len(frames), high - low)
    row = figure.subplots(1, len(frames), squeeze=False)[0]
    for axes, frame in zip(row, frames, strict=True):
        _draw_bodies(axes, points[frame], bones)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
        axes.set_xlabel(f"frame {frame + 1}")
    title = for_picture(title, LONGEST_TITLE)
    if len(frames) < len(points):
        title += f" ({len(frames)} of {len(points):,} frames)"
    figure.suptitle(textwrap.fill(title, _CHARACTERS_ACROSS), y=1.02, va="bottom")
    save(figure, path)


def _evenly(num_frames, most):
    return np.linspace(0, num_frames - 1, min(num_frames, most)).round().astype(int)


def _limits(points):
    """Returns the corners, `(2,)` each, of what holds the bodies of all frames."""
    points = points[np.isfinite(points).all(axis=-1)]
    if not len(points):
        return -np.ones(2), np.ones(2)
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    size = high - low
    spare = np.maximum(0, _NARROWEST * size[::-1] - size) / 2
    return low - spare, high + spare


def _figure(panels, size):
    """Returns a figure whose row of panels shows meters alike in both directions."""
    width, height = size / size[1] * _HEIGHT
    shrink = min(1, _WIDEST_ROW / (panels * width))
    return new_figure(panels * width * shrink, height * shrink)


def _draw_bodies(axes, bodies, bones):
    for body, points in enumerate(bodies):
        x, y = points[bones].transpose(2, 0, 1)
        color = _COLORS[body % len(_COLORS)]
        axes.plot(x, y, color=color, linewidth=1.5, marker="o", markersize=2)

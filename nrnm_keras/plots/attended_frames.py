"""Plot of skeleton frames with the attention that they receive from writes to a memory."""

import math
from collections.abc import Sequence

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.sheet import number_drawn, place, write_head
from nrnm_keras.plots.stick_figures import StickFigures
from nrnm_keras.typing import ArrayLike, File

# In inches.
_WIDEST_ROW = 13.0
_WIDEST_CELL = 1.0
_NARROWEST_CELL = 0.55  # that has a figure and a number
_FIGURE_HEIGHT = 1.35
_ROW = 0.26
_SLOT_NAMES = 0.55
_GAP = 0.1
_WRITE_NAME = 0.25
_FRAME_NAMES = 0.4
_MOST_SLOTS_HIGH = 2.0
_HIGHEST = 30.0  # all strips

_EXPLANATION = (
    "One strip per write: the frames of its block in the order in which the layer reads them, and "
    "below each frame the attention that it receives. Rows: the memory's slots. Left: the hidden "
    "states h with their frames. Right: the inputs."
)


def draw_attended_frames(
    weights: np.ndarray,
    steps: np.ndarray,
    frames: np.ndarray,
    joints: ArrayLike,
    parents: Sequence[int],
    limits: tuple[float, float],
    path: File,
    title: str,
    first_write: int = 1,
) -> None:
    """Plots the frames in the block of each write, each above the attention it receives, as a PNG.

    Only as many writes are drawn as there is room for.

    Args:
        weights: array `(writes, slots, slots + block_size)`.
        steps: integers of shape `(writes, slots + block_size)`, the time steps of the source units.
        frames: numbers of shape `(timesteps,)`, the frame at which each time step lies, from 1.
        joints: numbers of shape `(frames, bodies, joints, 3)`, as `StickFigures` takes them.
        parents: the parent joint of each joint.
        limits: the smallest and the largest weight of the color scale.
        path: where the plot is written, a path or a binary file.
        title: line above the strips.
        first_write: the number of the first of these writes.
    """
    frames = np.round(frames).astype(int)
    writes, drawn = len(weights), max(1, int(_HIGHEST / _Strips(weights, limits).down))
    weights, steps = weights[:drawn], steps[:drawn]
    strips = _Strips(weights, limits)
    figure = new_figure(strips.width, strips.height)
    figures = StickFigures(joints, parents)
    for write, (map_, sources) in enumerate(zip(weights, steps, strict=True)):
        block = frames[sources]
        view = figures.limits(block - 1, strips.cell * strips.every / _FIGURE_HEIGHT)
        for unit in strips.drawn_units():
            axes = strips.figure_axes(figure, write, unit)
            figures.draw(axes, block[unit] - 1, view)
            axes.spines[:].set_color("lightgrey")
        image = strips.draw_map(figure, write, map_, block)
        top = write * strips.down / strips.height
        name = f"write {first_write + write}"
        figure.text(0, 1 - top, name, fontsize=10, va="top")
    if not strips.has_numbers:
        bar = place(figure, strips.width + 0.15, _WRITE_NAME, 0.13, min(2.0, strips.height - 0.4))
        figure.colorbar(image, cax=bar).set_label("attention weight", fontsize=8)
    left_out = number_drawn(len(weights), writes, "writes")
    write_head(figure, title, f"{_EXPLANATION} {left_out}")
    save(figure, path)


class _Strips:
    """The layout. Units are counted over hidden states and inputs."""

    def __init__(self, weights, limits):
        _, self._slots, self._units = weights.shape
        self._low, self._high = limits
        room = _WIDEST_ROW - _SLOT_NAMES - _GAP
        self.cell = min(_WIDEST_CELL, room / self._units)
        self.every = math.ceil(_NARROWEST_CELL / self.cell)
        self._row = min(_ROW, _MOST_SLOTS_HIGH / self._slots)
        maps = self._slots * self._row
        self.down = _WRITE_NAME + _FIGURE_HEIGHT + maps + _FRAME_NAMES
        self.width = _SLOT_NAMES + self._units * self.cell + _GAP
        self.height = len(weights) * self.down

    @property
    def has_numbers(self):
        """Whether there is room for numbers in the maps."""
        return self.every == 1 and self._row == _ROW

    def drawn_units(self):
        """Units whose frames are drawn: all, or every second, third, ... where they are narrow."""
        parts = (range(self._slots), range(self._slots, self._units))
        return [i for part in parts for i in part[:: self.every] if i + self.every <= part.stop]

    def figure_axes(self, figure, write, unit):
        """Adds the axes of a unit's frame."""
        top = write * self.down + _WRITE_NAME
        return place(figure, self._left(unit), top, self.cell * self.every, _FIGURE_HEIGHT)

    def draw_map(self, figure, write, map_, block):
        """Draws the heat map of a write, with numbers where there is room; returns an image."""
        top = write * self.down + _WRITE_NAME + _FIGURE_HEIGHT
        parts = (slice(0, self._slots), slice(self._slots, self._units))
        for part, name in zip(parts, ("$h_{%d}$", "%d"), strict=True):
            width = (part.stop - part.start) * self.cell
            axes = place(figure, self._left(part.start), top, width, self._slots * self._row)
            # The same number never has two colors.
            shown = map_[:, part].round(2) if self.has_numbers else map_[:, part]
            colors = {"cmap": "viridis", "vmin": self._low, "vmax": self._high}
            image = axes.imshow(shown, aspect="auto", **colors)
            if self.has_numbers:
                self._write_numbers(axes, shown)
            places = range(0, shown.shape[1], self.every)
            axes.set_xticks(places, [name % block[part][i] for i in places], fontsize=9)
            axes.tick_params(length=2, pad=2)
            axes.set_yticks([])
            if part.start == 0:
                slots = range(0, self._slots, math.ceil(0.14 / self._row))
                axes.set_yticks(slots, [f"slot {i + 1}" for i in slots], fontsize=8)
        return image

    def _write_numbers(self, axes, shown):
        for (row, column), weight in np.ndenumerate(shown):
            is_light = weight - self._low > 0.6 * (self._high - self._low)
            color = "black" if is_light else "white"
            style = {"color": color, "fontsize": 8, "ha": "center", "va": "center"}
            axes.text(column, row, f"{weight:.2f}", **style)

    def _left(self, unit):
        return _SLOT_NAMES + unit * self.cell + _GAP * (unit >= self._slots)

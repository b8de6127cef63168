"""Plot of what the writes to a memory attend to: heat maps with named source units."""

import itertools
import math

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.sheet import number_drawn, place, write_head
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.typing import File
from pipelines.escaping import cut, for_terminal

# In inches.
_WIDEST_ROW = 14.0
_LARGEST_CELL = 0.34
_MOST_SLOTS_HIGH = 3.0
_GAP = 0.08  # between hidden states and inputs
_SLOT_NAMES = 0.55
_WRITE_NAME = 0.25
_BETWEEN = 0.3
_LABEL_ACROSS = 0.14  # the least from label to label
_CHARACTER = 0.07
_HIGHEST = 30.0  # all maps
_LONGEST_NAME = 14  # characters

_EXPLANATION = (
    "One map per write. Rows: the memory's slots. Columns: the source units, first the hidden "
    "states h, then the inputs of the block, each named by its {unit}. Uniform attention would be "
    "{share:.2g}."
)


def draw_attention_maps(
    weights: np.ndarray,
    steps: np.ndarray,
    time_steps: TimeSteps,
    limits: tuple[float, float],
    path: File,
    title: str,
    first_write: int = 1,
) -> None:
    """Plots the attention of writes to a memory as heat maps, in a PNG (Figs. 7 and 8).

    Only as many writes are drawn as there is room for.

    Args:
        weights: array `(writes, slots, slots + block_size)`.
        steps: integers of shape `(writes, slots + block_size)`, the time steps of the source units.
        time_steps: `TimeSteps`, for their names.
        limits: the smallest and the largest weight of the color scale.
        path: where the plot is written, a path or a binary file.
        title: line above the maps.
        first_write: the number of the first of these writes.
    """
    names = [cut(for_terminal(name), _LONGEST_NAME) for name in time_steps.names]
    units = [[names[step] for step in sources] for sources in steps]
    sheet = _Sheet(weights.shape, units)
    writes, drawn = len(weights), sheet.with_room()
    weights, units = weights[:drawn], units[:drawn]
    sheet = _Sheet(weights.shape, units)
    figure = new_figure(sheet.width, sheet.height)
    for write, (map_, names) in enumerate(zip(weights, units, strict=True)):
        hidden_axes, input_axes = sheet.axes(figure, write)
        slots = len(map_)
        for axes, part in ((hidden_axes, map_[:, :slots]), (input_axes, map_[:, slots:])):
            colors = {"cmap": "viridis", "vmin": limits[0], "vmax": limits[1]}
            image = axes.imshow(part, aspect="auto", **colors)
        sheet.name_slots(hidden_axes)
        input_axes.set_yticks([])
        sheet.name_units(hidden_axes, [sheet.hidden_name(name) for name in names[:slots]])
        sheet.name_units(input_axes, names[slots:])
        hidden_axes.set_title(f"write {first_write + write}", fontsize=9, loc="left", pad=3)
    bar = place(figure, sheet.width + 0.15, _WRITE_NAME, 0.13, min(2.0, sheet.height - 0.4))
    figure.colorbar(image, cax=bar).set_label("attention weight", fontsize=8)
    share = 1 / weights.shape[-1]
    explanation = _EXPLANATION.format(unit=time_steps.unit, share=share)
    left_out = number_drawn(len(weights), writes, "writes")
    write_head(figure, title, f"{explanation} {left_out}")
    save(figure, path)


class _Sheet:
    """The positions of the maps and their labels."""

    def __init__(self, shape, units):
        writes, self._slots, columns = shape
        self._inputs = columns - self._slots
        self._cell = min(_LARGEST_CELL, (_WIDEST_ROW - _SLOT_NAMES) / columns)
        self._cell_height = min(_LARGEST_CELL, _MOST_SLOTS_HIGH / self._slots)
        lengths = [max(map(len, names)) for names in units]
        numbers = all(name.isdecimal() for names in units for name in names)
        self._is_level = numbers and max(lengths) <= 3 and self._cell == _LARGEST_CELL
        self._across = _SLOT_NAMES + columns * self._cell + _GAP + _BETWEEN
        self._per_row = min(writes, max(1, int((_WIDEST_ROW + _BETWEEN) / self._across)))
        self.width = self._per_row * self._across - _BETWEEN
        rows = [lengths[i : i + self._per_row] for i in range(0, writes, self._per_row)]
        self._tops = [0.0, *itertools.accumulate(self._height(max(row)) for row in rows)]
        self.height = self._tops[-1]

    def with_room(self):
        """Returns the number of writes in the rows that fit on one plot."""
        rows = max(1, sum(bottom <= _HIGHEST for bottom in self._tops[1:]))
        return rows * self._per_row

    def axes(self, figure, write):
        """Adds the axes of the hidden states and those of the inputs."""
        row, column = divmod(write, self._per_row)
        left = column * self._across + _SLOT_NAMES
        top, height = self._tops[row] + _WRITE_NAME, self._slots * self._cell_height
        hidden = place(figure, left, top, self._slots * self._cell, height)
        left += self._slots * self._cell + _GAP
        return hidden, place(figure, left, top, self._inputs * self._cell, height)

    def hidden_name(self, name):
        """Names a hidden state."""
        return f"$h_{{{name}}}$" if self._is_level else f"h({name})"

    def name_units(self, axes, names):
        """Names the columns of axes, or every second, third, ... where they are narrow."""
        every = math.ceil(_LABEL_ACROSS / self._cell)
        places = range(0, len(names), every)
        style = {"fontsize": 8, "parse_math": self._is_level}
        style["rotation"] = 0 if self._is_level else 90
        axes.set_xticks(places, [names[i] for i in places], **style)
        axes.tick_params(length=2, pad=2)

    def name_slots(self, axes):
        """Names the rows of axes."""
        every = math.ceil(_LABEL_ACROSS / self._cell_height)
        places = range(0, self._slots, every)
        axes.set_yticks(places, [f"slot {i + 1}" for i in places], fontsize=8)

    def _height(self, longest):
        """The height of a row of maps, whose longest name has so many characters."""
        names = 0.3 if self._is_level else (longest + len("h()")) * _CHARACTER + 0.2
        return _WRITE_NAME + self._slots * self._cell_height + names

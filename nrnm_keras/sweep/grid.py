"""The points of a grid of flag values."""

import itertools
from typing import Any, NamedTuple

from absl import flags as absl_flags

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks.backbone_flags import build_backbone
from nrnm_keras.train.flags import copy_flags, define_flags
from pipelines.escaping import quoted, shorten


class Point(NamedTuple):
    """A combination of flag values.

    Attributes:
        values: flag name -> value as it was written.
        flags: the flag values of a training with them.
    """

    values: dict[str, str]
    flags: Any

    @property
    def name(self):
        """The name of its folder."""
        return "_".join(f"{flag}={value or 'none'}" for flag, value in self.values.items())


def read_grid(lines):
    """Returns flag name -> list of values as they were written.

    Args:
        lines: strings `name=value,value`. Where a `;` occurs, it separates the values, as those of
            `nrnm_layers=;2;1,2,3` do.

    Raises:
        UsageError: if a line is not of that form, names no flag of a training, or one twice.
    """
    grid, known = {}, define_flags()
    for line in lines:
        name, is_pair, values = line.partition("=")
        shown = shorten(line, 80)
        if not is_pair:
            raise UsageError(f"--grid={shown}; expected name=value,value")
        if name not in known or name in ("seed", "run_dir"):
            name = quoted(name)
            raise UsageError(f"--grid={shown}: {name} is no flag of a training that can vary")
        if name in grid:
            raise UsageError(f"--grid={shown}: {name} has values already")
        grid[name] = values.split(";" if ";" in values else ",")
    return grid


def grid_points(flags, grid):
    """Returns the `Point` of every combination, the last flag's values changing fastest.

    Args:
        flags: flag values of a training.
        grid: from `read_grid`.

    Raises:
        UsageError: for a value that its flag does not allow.
    """
    return [
        _point(flags, dict(zip(grid, values, strict=True)))
        for values in itertools.product(*grid.values())
    ]


def check_network(point):
    """Finds out whether a `Point`'s flags make a network.

    Raises:
        UsageError: if they do not go together.
    """
    try:
        build_backbone(point.flags)
    except ValueError as error:
        raise UsageError(f"--grid: {point.name}: {error}") from error


def _point(flags, values):
    point = copy_flags(flags)
    try:
        for name, value in values.items():
            point[name].parse(value)
        point.validate_all_flags()
    except absl_flags.Error as error:
        raise UsageError(f"--grid: {error}") from error
    return Point(values, point)

"""The points of a grid of flag values."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import define_flags, with_values
from pipelines.escaping import quoted, shorten


class Point(NamedTuple):
    """A combination of flag values.

    Attributes:
        values: flag name -> value as it was written.
        config: the `TrainConfig` with them.
    """

    values: dict[str, str]
    config: TrainConfig

    @property
    def name(self) -> str:
        """The name of its folder."""
        return "_".join(f"{flag}={value or 'none'}" for flag, value in self.values.items())


def read_grid(lines: Iterable[str]) -> dict[str, list[str]]:
    """Returns a dictionary from the name of a flag to its values as they were written.

    Args:
        lines: strings `name=value,value`. If a line has a `;`, it separates the values, as in
            `nrnm_layers=;2;1,2,3`.

    Raises:
        UsageError: if a line has another form, or names an unknown flag or a flag twice.
    """
    grid, known = {}, define_flags()
    for line in lines:
        name, is_pair, values = line.partition("=")
        shown = shorten(line, 80)
        if not is_pair:
            raise UsageError(f"--grid={shown}; expected name=value,value")
        if name not in known or name in ("seed", "run_dir"):
            name = quoted(name)
            raise UsageError(f"--grid={shown}: {name} is not a training flag that can vary")
        if name in grid:
            raise UsageError(f"--grid={shown}: {name} is given twice")
        grid[name] = values.split(";" if ";" in values else ",")
    return grid


def grid_points(config: TrainConfig, grid: dict[str, list[str]]) -> list[Point]:
    """Returns the `Point` of every combination, the last flag's values changing fastest.

    Args:
        config: the `TrainConfig` to replace values in.
        grid: from `read_grid`.

    Raises:
        UsageError: for a value that its flag does not allow.
    """
    return [
        _point(config, dict(zip(grid, values, strict=True)))
        for values in itertools.product(*grid.values())
    ]


def check_network(point: Point) -> None:
    """Checks whether a `Point`'s options make a network.

    Raises:
        UsageError: if they do not fit together.
    """
    try:
        point.config.task.check_network(point.config.network)
    except ValueError as error:
        raise UsageError(f"--grid: {point.name}: {error}") from error


def _point(config, values):
    try:
        return Point(values, with_values(config, values))
    except UsageError as error:
        raise UsageError(f"--grid: {error}") from error

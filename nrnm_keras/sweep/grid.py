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
        companions: names of the flags that vary together with the one before them.
    """

    values: dict[str, str]
    config: TrainConfig
    companions: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name of its folder."""
        text = "_".join(f"{flag}={value or 'none'}" for flag, value in self.values.items())
        return text.replace("%", "%25").replace("/", "%2F")


def read_grid(lines: Iterable[str]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns a dictionary from the names of flags that vary together to their values, as written.

    Args:
        lines: strings `name=value,value`. If a line has a `;`, it separates the values, as in
            `nrnm_layers=;2;1,2,3`. Several flags vary together in
            `train_file,test_file=a.csv,b.csv;c.csv,d.csv`.

    Raises:
        UsageError: if a line has another form, or names an unknown flag or a flag twice.
    """
    grid: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    seen: set[str] = set()
    known = define_flags()
    for line in lines:
        written, is_pair, values = line.partition("=")
        shown = shorten(line, 80)
        if not is_pair:
            raise UsageError(f"--grid={shown}; expected name=value,value")
        names = tuple(written.split(","))
        for name in names:
            _check_name(name, known, seen, shown)
            seen.add(name)
        if len(names) > 1:
            grid[names] = [_values_of(names, each, shown) for each in values.split(";")]
        else:
            grid[names] = [(value,) for value in values.split(";" if ";" in values else ",")]
    return grid


def _check_name(name, known, seen, shown):
    if name not in known or name in ("seed", "run_dir"):
        name = quoted(name)
        raise UsageError(f"--grid={shown}: {name} is not a training flag that can vary")
    if name in seen:
        raise UsageError(f"--grid={shown}: {name} is given twice")


def _values_of(names, text, shown):
    """Returns the values of several flags from `value,value`."""
    values = tuple(text.split(","))
    if len(values) != len(names):
        raise UsageError(
            f"--grid={shown}: {quoted(text)} has {len(values)} values for {len(names)} flags; "
            "semicolons separate combinations"
        )
    return values


def grid_points(
    config: TrainConfig, grid: dict[tuple[str, ...], list[tuple[str, ...]]]
) -> list[Point]:
    """Returns the `Point` of every combination, the last flag's values changing fastest.

    Args:
        config: the `TrainConfig` to replace values in.
        grid: from `read_grid`.

    Raises:
        UsageError: for a value that its flag does not allow.
    """
    names = [name for together in grid for name in together]
    companions = frozenset(name for together in grid for name in together[1:])
    return [
        _point(config, dict(zip(names, itertools.chain(*values), strict=True)), companions)
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


def _point(config, values, companions):
    try:
        return Point(values, with_values(config, values), companions)
    except UsageError as error:
        raise UsageError(f"--grid: {error}") from error

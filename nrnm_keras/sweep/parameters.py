"""The number of parameters of networks, and the width that matches a given number."""

import functools
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nrnm_keras.config import NetworkConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.sweep.grid import Point, check_network
from nrnm_keras.tasks.task import Task
from pipelines.console import say

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


def count_points(
    points: Iterable[Point], found: dict[str, tuple[Task, str]]
) -> list[dict[str, Any]]:
    """Returns a dictionary for each point of a grid.

    Its keys are `values`, `units`, `parameters`, and the task's `notice` about the data or None.

    Args:
        points: list of `Point`s.
        found: a point's name -> its task and the folder of the records.
    """
    rows = []
    for point in points:
        task, records = found[point.name]
        network = _open(task, os.fspath(records)).build_network(point.config.network)
        rows.append(
            {
                "values": point.values,
                "units": point.config.network.units,
                "parameters": network.count_params(),
                "notice": task.notice,
            }
        )
    return rows


def with_units(point: Point, parameters: int, task: Task, records: str | os.PathLike) -> Point:
    """Returns a `Point` with the number of units whose network is closest to a size.

    Args:
        point: the `Point`.
        parameters: integer, the number of parameters.
        task: its task.
        records: folder of the built records.

    Raises:
        UsageError: if the options do not make a network, or the smallest network has more than
            twice as many parameters.
    """
    network = point.config.network
    check_network(_with_network(point, network.replace(units=_multiple(network))))
    units = units_for(parameters, network, _open(task, os.fspath(records)))
    say(f"{point.name}: {units} units")
    return _with_network(point, network.replace(units=units))


def units_for(parameters: int, network: NetworkConfig, task: "OpenTask") -> int:
    """Returns the number of units whose network is closest to a number of parameters.

    Args:
        parameters: integer.
        network: the `NetworkConfig`.
        task: the `OpenTask`.

    Raises:
        UsageError: if the smallest network has more than twice as many.
    """
    from nrnm_keras.models.closest_units import closest_units

    @functools.cache
    def count(units):
        return task.build_network(network.replace(units=units)).count_params()

    best = closest_units(parameters, _multiple(network), count)
    if count(best) > 2 * parameters:
        raise UsageError(
            f"--parameter_budget={parameters}; the smallest {network.model} has {count(best):,}"
        )
    return best


@functools.lru_cache(maxsize=1)
def _open(task, records):
    """The open task, the same for points that follow each other: opening learns a vocabulary."""
    return task.open(records)


def _with_network(point, network):
    return point._replace(config=point.config.replace(network=network))


def _multiple(network):
    """Returns what the units must be a multiple of."""
    # The heads must divide the units. In a relational memory, the units are shared by the slots.
    slots = network.relational_memory_slots if network.model == "relational_memory" else 1
    return network.num_heads * slots

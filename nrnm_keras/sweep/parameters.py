"""The sizes of networks: their numbers of parameters, and the width for a given number."""

import functools

from nrnm_keras.errors import UsageError
from nrnm_keras.sweep.grid import check_network
from nrnm_keras.train.flags import copy_flags
from pipelines.console import say


def count_points(points, found):
    """Returns a dictionary for each point of a grid.

    It has the point's `values`, its `units` and `parameters`, and the task's `notice` about the
    data or None.

    Args:
        points: list of `Point`s.
        found: a point's name -> the task's class and the folder of its records.
    """
    rows = []
    for point in points:
        task_class, records = found[point.name]
        network = task_class(records, point.flags).build_network(point.flags)
        rows.append(
            {
                "values": point.values,
                "units": point.flags.units,
                "parameters": network.count_params(),
                "notice": task_class.notice,
            }
        )
    return rows


def with_units(point, parameters, task_class, records):
    """Returns a `Point` with the number of units whose network comes nearest to a size.

    Args:
        point: the `Point`.
        parameters: integer, the number of parameters.
        task_class: the class of its task.
        records: folder of the built records.

    Raises:
        UsageError: if its flags make no network, or the smallest has more than twice as many.
    """
    smallest = copy_flags(point.flags, units=_multiple(point.flags))
    check_network(point._replace(flags=smallest))
    units = units_for(parameters, point.flags, task_class(records, point.flags))
    say(f"{point.name}: {units} units")
    return point._replace(flags=copy_flags(point.flags, units=units))


def units_for(parameters, flags, task):
    """Returns the number of units whose network comes nearest to a number of parameters.

    Args:
        parameters: integer.
        flags: flag values of a training.
        task: the `Task`.

    Raises:
        UsageError: if the smallest network has more than twice as many.
    """
    multiple = _multiple(flags)

    @functools.cache
    def count(multiples):
        return task.build_network(copy_flags(flags, units=multiples * multiple)).count_params()

    low, high = 1, 2
    while count(high) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    best = min((low, high), key=lambda multiples: abs(count(multiples) - parameters))
    if count(best) > 2 * parameters:
        raise UsageError(
            f"--parameters={parameters}; the smallest {flags.model} has {count(best):,}"
        )
    return best * multiple


def _multiple(flags):
    """Returns what the units must be a multiple of."""
    # Heads must divide the units, and of the relational memory every slot has as many.
    return flags.num_heads * (flags.slots if flags.model == "relational_memory" else 1)

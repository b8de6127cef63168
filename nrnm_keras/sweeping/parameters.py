"""Networks of equal size: the width at which one has so many parameters."""

import functools

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import TASKS
from nrnm_keras.training.flags import copy_flags


def units_for(parameters, flags, records):
    """Returns the number of units whose network comes nearest to a number of parameters.

    Args:
        parameters: integer.
        flags: flag values of a training.
        records: folder of the built records.

    Raises:
        UsageError: if the smallest network has more than twice as many.
    """
    task = TASKS[flags.task](records, flags)
    # Heads must divide the units, and of the relational memory every slot has as many.
    multiple = flags.num_heads * (flags.slots if flags.model == "relational_memory" else 1)

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

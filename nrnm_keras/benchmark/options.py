"""What the suites are measured with."""

from typing import NamedTuple


class Options(NamedTuple):
    """The flags of the command, and the machine.

    Attributes:
        units: widths of the layers of the suite `layer`.
        shape: of its input, `(batch, timesteps, features)`.
        repeats: number of timed calls of each function.
        rate: multiply-adds a second of a large matmul on this machine.
    """

    units: list[int]
    shape: tuple[int, int, int]
    repeats: int
    rate: float

"""StepSeed: random numbers inside a loop over steps, where no variable may change."""

from keras import ops, random

from nrnm_keras.typing import Tensor


class StepSeed(random.SeedGenerator):
    """The seed of one step, made of the seed of the whole sequence and the number of the step.

    `keras.random` functions take an integer or a `SeedGenerator`, which counts in a variable. JAX
    does not allow a variable to change inside a loop. This generator has no variable: the number of
    the step comes from the state of the cell.
    """

    def __init__(self, sequence_seed: Tensor, number: Tensor) -> None:
        # Offsets are far apart, because torch adds the two halves of a seed: consecutive numbers
        # would collide with the seeds of consecutive sequences.
        offset = ops.cast(number * 1_000_003, sequence_seed.dtype)
        self._seed = ops.stack([sequence_seed[0] + offset, sequence_seed[1]])

    def next(self, ordered: bool = True) -> Tensor:
        """Returns the step's seed."""
        return self._seed

"""Randomness inside a loop over steps, where no variable may change."""

from keras import ops, random

from nrnm_keras.typing import Tensor


class StepSeed(random.SeedGenerator):
    """A seed for one step, from the seed that was drawn for the whole sequence.

    `keras.random` functions take an integer or a `SeedGenerator`, which counts in a variable; in
    JAX a variable that changes inside a loop is an error. This one changes nothing: the step's
    number, which the cell has in its state, makes the difference.
    """

    def __init__(self, sequence_seed: Tensor, number: Tensor) -> None:
        # Far apart, because torch adds the two halves of a seed: neighbouring numbers would meet
        # the seeds of neighbouring sequences.
        offset = ops.cast(number * 1_000_003, sequence_seed.dtype)
        self._seed = ops.stack([sequence_seed[0] + offset, sequence_seed[1]])

    def next(self, ordered: bool = True) -> Tensor:
        """Returns the step's seed."""
        return self._seed

"""ZoneoutCell: zoneout around any recurrent cell."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, random

from nrnm_keras.layers.cell_wrapper import CellWrapper
from nrnm_keras.layers.nrnm import step_counter
from nrnm_keras.layers.nrnm.step_seed import StepSeed
from nrnm_keras.layers.zoneout import hold, kept_fraction
from nrnm_keras.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class ZoneoutCell(CellWrapper):
    """Randomly keeps the old values of units of the states of any recurrent cell.

    Args:
        cell: A recurrent cell whose first state is its output.
        rates: List of floats in [0, 1), one for each state of the cell: the probability that a
            unit keeps its old value. Masks are drawn for each unit, step and sequence in training;
            at inference, the expectation is taken.
        seed: Integer, the seed of the masks.

    Call arguments:
        inputs: `(batch, features)`.
        states: States of the wrapped cell, and the number of steps as digits, `(batch, 3)`.
        training: Boolean, whether masks are drawn.

    Returns:
        The new output, and the list of the new states.

    Raises:
        ValueError: if the numbers of rates and states differ, or a rate is outside [0, 1).

    Reference: Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden
    Activations, ICLR 2017, section 3.1.

    Example:

    >>> layer = keras.layers.RNN(ZoneoutCell(keras.layers.LSTMCell(32), rates=[0.1, 0.3]))
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 32])
    """

    def __init__(
        self, cell: keras.Layer, rates: Sequence[float], seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cell, **kwargs)
        if len(rates) != len(self.state_size) or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                f"Argument `rates` must have {len(self.state_size)} numbers in [0, 1), one for "
                f"each state of the cell. Received: rates={list(rates)}"
            )
        self.rates = list(rates)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self._sequence_seed = None
        self.state_size = [*self.state_size, step_counter.NUM_DIGITS]

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Returns the initial states of the wrapped cell, and a step count of zero."""
        steps = ops.zeros((batch_size, step_counter.NUM_DIGITS), self.compute_dtype)
        return [*super().get_initial_state(batch_size), steps]

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        *old, digits = states
        steps = step_counter.advance(step_counter.to_steps(digits), 1, 0, 1)
        _, new = self.cell(inputs, old, training=training)
        held = [
            hold(each, before, self._kept(i, each, steps, training))
            for i, (each, before) in enumerate(zip(new, old, strict=True))
        ]
        return held[0], [*held, step_counter.to_digits(steps, digits.dtype)]

    def get_recurrent_dropout_mask(self, step_state: Tensor) -> Tensor | None:
        """Draws the mask of the wrapped cell, and the seed of the zoneout masks."""
        if self._sequence_seed is None:
            self._sequence_seed = self.seed_generator.next()
        return super().get_recurrent_dropout_mask(step_state)

    def reset_recurrent_dropout_mask(self) -> None:
        """Discards the mask and the seed of the last sequence."""
        super().reset_recurrent_dropout_mask()
        self._sequence_seed = None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "rates": self.rates, "seed": self.seed}

    def _kept(self, number, state, steps, training):
        """Returns the zoneout mask of a state."""

        def draw_seed():
            if self._sequence_seed is None:
                self._sequence_seed = self.seed_generator.next()
            # The sum grows whenever any sequence takes a step.
            return StepSeed(self._sequence_seed, len(self.rates) * ops.sum(steps) + number)

        rate = self.rates[number]
        return kept_fraction(rate, ops.shape(state), self.compute_dtype, training, draw_seed)

"""StepByStep: layers of a network that are fed one step at a time."""

from typing import Any

from keras import ops

from nrnm_keras.models.backbone import RecurrentBackbone
from nrnm_keras.models.pooling import SequencePooling
from nrnm_keras.typing import StepState, Tensor


class StepByStep:
    """A stack of layers that gives, step by step, what it gives for the whole sequence.

    Layers that look at several steps at once have methods `initial_step_state` and `step`. The
    others see each step as a sequence of length 1.

    Args:
        layers: list of built layers, first to last.

    Raises:
        ValueError: if a layer needs whole sequences.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone, SequencePooling
    >>> layers = [RecurrentBackbone(8), SequencePooling("mean")]
    >>> whole = layers[1](layers[0](np.ones((1, 2, 5))))
    >>> steps = StepByStep(layers)
    >>> state, step = steps.initial_state(batch_size=1), np.ones((1, 1, 5))
    >>> for _ in range(2):
    ...     pooled, _, state = steps.step(step, None, state)
    >>> np.allclose(pooled, whole, atol=1e-5)
    True
    """

    def __init__(self, layers: list) -> None:
        self.layers = layers
        self.initial_state(1)

    def initial_state(self, batch_size: int | Tensor) -> StepState:
        """Returns the state before the first step, zeros by name."""
        state: StepState = {}
        features: Any = None
        for layer in self.layers:
            if isinstance(layer, SequencePooling):
                state |= layer.initial_step_state(batch_size, features)
            elif hasattr(layer, "initial_step_state"):
                state |= layer.initial_step_state(batch_size)
            if isinstance(layer, RecurrentBackbone):
                features = layer.compute_output_shape((None, None, 1))[-1]
        return state

    def step(self, x: Tensor, mask: Tensor | None, state: StepState) -> tuple:
        """Runs one step.

        Args:
            x: the next step, `(batch, 1, ...)`.
            mask: Booleans `(batch, 1)`, False for rows to leave as they were; or None.
            state: dictionary with what `initial_state` or the step before returned.

        Returns:
            The output, its mask, and the new state.
        """
        new: StepState = {}
        for layer in self.layers:
            if isinstance(layer, RecurrentBackbone | SequencePooling):
                x = x[:, 0] if isinstance(layer, RecurrentBackbone) else x
                mask = ops.ones_like(x[:, :1], "bool") if mask is None else mask
                x, layer_state = layer.step(x, mask, state)
                new |= layer_state
            elif hasattr(layer, "step"):
                x, mask, layer_state = layer.step(x, mask, state)
                new |= layer_state
            else:
                x, mask = layer(x), layer.compute_mask(x, mask)
        return x, mask, new

"""RecurrentBackbone: a stack of recurrent layers, some of them with a non-local memory."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops, tree

from nrnm_keras.layers import LSTM, NRNM
from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.models.recurrent_layer import chrono_biases, recurrent_layer
from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class RecurrentBackbone(layers.Layer):
    """A stack of recurrent layers, some of them with a non-local memory.

    The paper's network has three layers with the memory in the middle one.

    Args:
        units: Positive integer, the width of every layer.
        num_layers: Positive integer.
        nrnm_layers: The numbers of the `NRNM` layers, counted from 1. Empty for no memory.
        recurrence: The type of the other layers, as `recurrent_layer` takes it, and the
            backbone of the `NRNM` layers.
        dropout: Float in [0, 1), dropout between the layers.
        recurrent_dropout: Float in [0, 1), recurrent dropout of every layer.
        zoneout: Float in [0, 1), zoneout of every layer without a memory.
        bidirectional: Boolean, whether every layer is bidirectional. The hidden states of both
            directions are concatenated.
        chrono_steps: Integer, `longest` of the `ChronoInitializer` of every LSTM and GRU, with and
            without the memory, or 0 for the usual biases.
        relational_options: Dictionary of further arguments of the cells of layers without a memory,
            such as the `slots` of a `RelationalMemoryCell`; each gets those that it has.
        nrnm_options: Dictionary of further arguments of `NRNM`, such as `block_size`.

    Attributes:
        recurrent_layers: The layers, first to last.
        title: The name of the network in plots.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        The hidden states of the last layer, `(batch, timesteps, units)`, or
        `(batch, timesteps, 2 * units)` if bidirectional.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> backbone = RecurrentBackbone(32, nrnm_options={"block_size": 8, "stride": 4})
    >>> backbone(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    """

    def __init__(
        self,
        units: int,
        num_layers: int = 3,
        nrnm_layers: Sequence[int] = (2,),
        recurrence: str = "lstm",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        bidirectional: bool = False,
        chrono_steps: int = 0,
        relational_options: Config | None = None,
        nrnm_options: Config | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_layers < 1:
            raise ValueError(
                f"Argument `num_layers` must be at least 1. Received: num_layers={num_layers!r}"
            )
        if not set(nrnm_layers) <= set(range(1, num_layers + 1)):
            raise ValueError(
                f"Argument `nrnm_layers` must count layers from 1 to num_layers={num_layers}. "
                f"Received: nrnm_layers={list(nrnm_layers)}"
            )
        self.units = units
        self.num_layers = num_layers
        self.nrnm_layers = sorted(set(nrnm_layers))
        self.recurrence = recurrence
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.bidirectional = bidirectional
        self.chrono_steps = chrono_steps
        self.relational_options = dict(relational_options or {})
        self.nrnm_options = dict(nrnm_options or {})
        self.recurrent_layers = [self._recurrent_layer(n) for n in range(1, num_layers + 1)]
        self.dropout_layers = [
            layers.Dropout(dropout, dtype=self.dtype_policy) for _ in range(num_layers - 1)
        ]
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for sequences of shape `(batch, timesteps, features)`."""
        for layer in self.recurrent_layers:
            layer.build(input_shape)
            input_shape = self.compute_output_shape(input_shape)
        if not self.trainable:
            # They were created before `trainable` was set.
            for layer in self.recurrent_layers:
                layer.trainable = False

    def call(self, sequences: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Runs the layers one after the other."""
        batch_size, timesteps = ops.shape(sequences)[:2]
        for axis in (0, 1):
            sequences = at_least_one(sequences, axis)
            mask = None if mask is None else at_least_one(mask, axis)
        for layer, dropout in zip(self.recurrent_layers, [*self.dropout_layers, None], strict=True):
            sequences = layer(sequences, mask=mask, training=training)
            if dropout:
                sequences = dropout(sequences, training=training)
        return sequences[:batch_size, :timesteps]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the hidden states."""
        return (*input_shape[:-1], self.units * (1 + self.bidirectional))

    @property
    def title(self) -> str:
        """The name of the network in plots."""
        return "NRNM" if self.nrnm_layers else self.recurrence.replace("_", " ").upper()

    def initial_step_state(self, batch_size: int) -> StepState:
        """Returns the initial states of all layers, by name.

        Raises:
            ValueError: if the backbone is bidirectional.
        """
        if self.bidirectional:
            raise ValueError(
                "Bidirectional layers need the whole sequence. Received: bidirectional=True"
            )
        state: StepState = {}
        for layer in self.recurrent_layers:
            state |= _named(layer, tree.flatten(layer.cell.get_initial_state(batch_size)))
        return state

    def step(self, inputs: Tensor, mask: Tensor, state: StepState) -> tuple[Tensor, StepState]:
        """Runs one step.

        Args:
            inputs: `(batch, features)`.
            mask: Booleans `(batch, 1)`, False for rows whose state does not change.
            state: dictionary that `initial_step_state` or the previous step returned.

        Returns:
            The hidden states of the last layer, `(batch, units)`, and the new state.
        """
        new: StepState = {}
        for layer in self.recurrent_layers:
            names = _named(layer, tree.flatten(layer.cell.state_size))
            old = [state[name] for name in names]
            step = layer.step if isinstance(layer, LSTM) else layer.cell
            inputs, states = step(inputs, old)
            states = [ops.where(mask, *pair) for pair in zip(states, old, strict=True)]
            new |= dict(zip(names, states, strict=True))
        return inputs, new

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "nrnm_layers": self.nrnm_layers,
            "recurrence": self.recurrence,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "zoneout": self.zoneout,
            "bidirectional": self.bidirectional,
            "chrono_steps": self.chrono_steps,
            "relational_options": self.relational_options,
            "nrnm_options": self.nrnm_options,
        }

    def _recurrent_layer(self, number):
        kind = "nrnm" if number in self.nrnm_layers else self.recurrence
        options = {
            "recurrent_dropout": self.recurrent_dropout,
            "dtype": self.dtype_policy,
            "name": f"{kind}_{number}",
        }
        if kind == "nrnm":
            biases = chrono_biases(self.recurrence, self.chrono_steps)
            options |= {"backbone": self.recurrence, **biases, **self.nrnm_options}
            layer = NRNM(self.units, return_sequences=True, **options)
        else:
            layer = recurrent_layer(
                kind,
                self.units,
                zoneout=self.zoneout,
                chrono_steps=self.chrono_steps,
                cell_options=self.relational_options,
                **options,
            )
        if not self.bidirectional:
            return layer
        return layers.Bidirectional(
            layer, dtype=self.dtype_policy, name=f"bidirectional_{kind}_{number}"
        )


def _named(layer, states):
    """Returns a dictionary of a recurrent layer's states."""
    return {f"{layer.name}_state_{i}": state for i, state in enumerate(states)}

"""NRNM: whole sequences through a recurrent network with a non-local memory."""

import operator
from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import layers, ops, tree

from nrnm_keras.layers.constructor_arguments import to_config
from nrnm_keras.layers.nrnm import step_counter
from nrnm_keras.layers.nrnm.nrnm_cell import CELL_ARGUMENTS, CLOSED, NRNMCell
from nrnm_keras.layers.nrnm.nrnm_loop import NRNMLoop
from nrnm_keras.layers.nrnm.packing import Packing, in_order
from nrnm_keras.typing import Config, Identifier, Tensor

_USE_CUDNN = ("auto", True, False)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NRNM(layers.RNN):
    """Non-local Recurrent Neural Memory (Fu et al., ICCV 2019).

    `NRNM` relates to `NRNMCell` as `keras.layers.LSTM` relates to `LSTMCell`. `NRNM(...).cell` is
    an `NRNMCell` that owns every weight, and the layer computes the same numbers as
    `keras.layers.RNN(NRNMCell(...))`, but window by window: most of a window is computed at once.
    The cost is linear in the length of a sequence, and the size of the state is constant.

    Masks are exact: a masked step leaves the state unchanged, wherever it is. Its output repeats
    the previous output. It is zero with `zero_output_for_mask`, and before the first valid step.

    On CPU with TensorFlow, compile models with `jit_compile=False`: XLA, which Keras chooses by
    default, made the loop 1.6 times slower.

    Example:

    >>> x = np.random.random((2, 20, 5))
    >>> NRNM(32)(x).shape
    TensorShape([2, 32])
    >>> output, *states = NRNM(32, return_sequences=True, return_state=True)(x)
    >>> output.shape
    TensorShape([2, 20, 32])

    Args:
        units, ..., recurrent_dropout, seed: As in `NRNMCell`, in the order of `keras.layers.LSTM`.
        activity_regularizer: Regularizer of the output.
        return_sequences: Boolean, whether to return the output of every step, not only the last.
        return_state: Boolean, whether to return the last state in addition to the output.
        go_backwards: Boolean, whether to process the sequences in reverse; the outputs are in the
            order of processing.
        stateful: Boolean, whether a batch starts from the last state of the previous batch.
        unroll: Boolean, whether to unroll the loop, which needs a known length.
        use_cudnn: `"auto"`, `True` or `False`. Accepted for compatibility with
            `keras.layers.LSTM`; it has no effect, as there is no cuDNN kernel of this layer.
        zero_output_for_mask: Boolean, whether the outputs of masked steps are zero.
        block_size, ..., zoneout: The arguments of the memory, as in `NRNMCell`.
        recompute: Boolean, whether the backward pass computes each window again from the state
            before it. In place of most tensors of all windows, only the states between them are
            kept. There are no second-order gradients on TensorFlow then.
        implementation: Accepted for compatibility with `keras.layers.LSTM`; it has no effect.
        **kwargs: Arguments of every layer, such as `name` and `dtype`.

    Every argument can be read from the layer, for example `layer.units` or `layer.block_size`.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        initial_state: List of the states of `NRNMCell`. Each row may be at a different step of its
            window.
        mask: Boolean `(batch, timesteps)`, `False` for steps to ignore.
        training: Boolean, whether dropout and zoneout are active.

    Raises:
        ValueError: if an argument is out of its range, `sequences` is not of rank 3, or
            `initial_state` is not a state of the cell.

    References:
        Fu et al., Non-local Recurrent Neural Memory for Supervised Sequence Modeling, ICCV 2019;
        Pei et al., Learning Sequence Representations by Non-local Recurrent Neural Memory,
        IJCV 2022.
    """

    def __init__(
        self,
        units: int,
        activation: Identifier = "tanh",
        recurrent_activation: Identifier = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        zero_output_for_mask: bool = False,
        block_size: int = 8,
        stride: int = 4,
        window_size: int | None = None,
        num_heads: int | None = None,
        backbone: str = "lstm",
        interaction: str = "self_attention",
        memory_read: str = "gate",
        memory_units: int | None = None,
        memory_forget_bias: float = 1.0,
        read_initializer: Identifier = "zeros",
        read_bias_initializer: Identifier = CLOSED,
        memory_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        recompute: bool = False,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        cell = NRNMCell(
            **{name: arguments[name] for name in CELL_ARGUMENTS},
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="nrnm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        if use_cudnn not in _USE_CUDNN:
            raise ValueError(
                f"Argument `use_cudnn` must be one of {_USE_CUDNN}. "
                f"Received: use_cudnn={use_cudnn!r}"
            )
        self.use_cudnn = use_cudnn
        self.recompute = recompute
        self.input_spec = layers.InputSpec(ndim=3)

    def __call__(self, sequences: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Checks the initial state and calls the layer."""
        # Here, because Keras adds the text of all arguments to errors that `call` raises.
        initial_state = kwargs.get("initial_state", next(iter(args), None))
        if initial_state is not None:
            self.cell.check_states(initial_state, sequences, argument="initial_state")
        return super().__call__(sequences, *args, **kwargs)

    def call(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """Runs the recurrence over `sequences`."""
        # `inner_loop` gets zeros for a missing state, and is faster if it knows that.
        self._starts_at_zero = initial_state is None and not self.stateful
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor],
        mask: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        """Runs the cell over all steps, window by window."""
        if self.stateful:
            # PyTorch assigns the new state in place, while gradients still need the old one.
            initial_state = tree.map_structure(ops.copy, initial_state)
        state = self.cell.unpack_states(initial_state)
        offsets = None
        if not self._starts_at_zero:
            offsets = step_counter.to_steps(state.steps) % self.cell.window_size
        sequences, packing = self._pack(sequences, mask, offsets)
        keep_state = self.return_state or self.stateful
        recompute = self.recompute and training
        loop = NRNMLoop(self.cell, state, packing, training, self.unroll, recompute, keep_state)
        hidden, last_hidden, state = loop.run_sequences(sequences)
        outputs = packing.unpack(hidden, self.zero_output_for_mask)
        last_output = last_hidden if packing.ends_together else outputs[:, -1]
        states = self.cell.pack_states(state) if keep_state else initial_state
        return last_output, outputs, states

    def attention_weights(
        self, sequences: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns the attention weights of every write to the memory (Figs. 7 and 8 of the paper).

        Args:
            sequences: `(batch, timesteps, features)`, from the zero state.
            mask: Boolean `(batch, timesteps)`, or `None`.

        Returns:
            The attention weights, `(batch, writes, num_heads, slots, slots + block_size)`, and the
            time steps of the source units, int32 `(batch, writes, slots + block_size)`: first
            those of the hidden states, then those of the inputs. With a mask, some rows may have
            fewer writes; the missing ones are at the end, with weights 0 and time steps -1.

        Raises:
            ValueError: if `interaction` is not `"self_attention"`, or if the sequences are too
                short for a write.

        Example:

        >>> weights, steps = NRNM(32).attention_weights(np.random.random((2, 20, 5)))
        >>> weights.shape
        TensorShape([2, 2, 4, 2, 10])
        >>> steps[0, 0].numpy().tolist()
        [3, 7, 0, 1, 2, 3, 4, 5, 6, 7]
        """
        cell = self.cell
        if cell.interaction != "self_attention":
            raise ValueError(
                "Argument `interaction` must be 'self_attention' for a layer to have attention "
                f"weights. Received: interaction={cell.interaction!r}"
            )
        sequences = ops.convert_to_tensor(sequences, self.variable_dtype)
        timesteps = sequences.shape[1]
        needed = -(-cell.block_size // cell.window_size) * cell.window_size
        if timesteps < needed:
            raise ValueError(
                f"Argument `sequences` must have at least {needed} time steps, up to the first "
                f"write. Received: sequences.shape={tuple(sequences.shape)}"
            )
        if not self.built:
            self.build(sequences.shape)
        packed, packing = self._pack(sequences, mask, offsets=None)
        sizes = cell.state_size
        state = [ops.zeros((sequences.shape[0], size), self.variable_dtype) for size in sizes]
        loop = NRNMLoop(cell, cell.unpack_states(state), packing)
        ends = ops.arange(needed, timesteps + 1, cell.window_size, dtype="int32")
        weights = loop.attention_weights(packed)
        weights = weights[needed // cell.window_size - 1 : timesteps // cell.window_size]
        weights = ops.transpose(weights, (1, 0, 2, 3, 4))

        steps = packing.source_steps()
        if self.go_backwards:
            steps = timesteps - 1 - steps
        inputs = ops.arange(-cell.block_size, 0, dtype="int32")
        places = ops.concatenate([inputs[cell.stride - 1 :: cell.stride], inputs])
        steps = ops.take(steps, ops.expand_dims(ends, 1) + places, axis=1)
        is_write = ends <= ops.expand_dims(packing.ends, 1)
        weights = ops.where(ops.reshape(is_write, (*is_write.shape, 1, 1, 1)), weights, 0.0)
        return weights, ops.where(ops.expand_dims(is_write, -1), steps, -1)

    def _pack(self, sequences, mask, offsets):
        """Returns sequences in the order of processing, and their `Packing`."""
        sequences, mask = in_order(sequences, mask, self.go_backwards)
        return sequences, Packing(sequences, self.cell.window_size, mask, offsets)

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        del config["cell"]
        own = {"use_cudnn": self.use_cudnn, "recompute": self.recompute}
        return {**to_config(self, CELL_ARGUMENTS), **own, **config}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Returns a layer with the arguments that `get_config` returned."""
        return cls(**config)


# As with `keras.layers.LSTM`, the arguments of the cell can be read from the layer.
for _name in CELL_ARGUMENTS:
    setattr(NRNM, _name, property(operator.attrgetter(f"cell.{_name}")))

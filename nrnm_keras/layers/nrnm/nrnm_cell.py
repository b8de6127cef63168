"""NRNMCell: one step of a recurrent network with a non-local memory beside it."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import initializers, layers, ops, random

from nrnm_keras.layers.argument_checks import check_arguments, has_heads
from nrnm_keras.layers.chrono import ChronoInitializer
from nrnm_keras.layers.constructor_arguments import argument_names, set_attributes, to_config
from nrnm_keras.layers.nrnm import step_counter
from nrnm_keras.layers.nrnm.loop_kernel import multiply
from nrnm_keras.layers.nrnm.memory import NonLocalMemory
from nrnm_keras.layers.nrnm.recurrences import BACKBONES
from nrnm_keras.layers.nrnm.step_seed import StepSeed
from nrnm_keras.layers.precision import matmul
from nrnm_keras.layers.private_keras import DropoutRNNCell
from nrnm_keras.layers.state_checks import check_states
from nrnm_keras.layers.zoneout import hold, kept_fraction
from nrnm_keras.typing import Config, Identifier, Shape, Tensor

_DEFAULT_NUM_HEADS = (4, 2, 1)

# A read gate that starts nearly closed: training opens it.
CLOSED = initializers.Constant(-1.0)

NRNMState = namedtuple("NRNMState", "hidden carry memory hidden_block input_block steps")


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NRNMCell(layers.Layer, DropoutRNNCell):
    """One step of Non-local Recurrent Neural Memory (NRNM).

    A recurrent cell (LSTM, GRU, ...) reads a memory matrix through a gate at every step. Every
    `window_size` steps, self-attention over the last block of hidden states and inputs writes to
    the memory through gates. Until the first write the cell is exactly its backbone.

    `nrnm_keras/layers/README.md` lists what the papers leave open and the choices made here.

    Use it in `keras.layers.RNN` or step by step. For whole sequences, `NRNM` computes the same
    numbers much faster.

    Example:

    >>> cell = NRNMCell(32, block_size=8, stride=4)
    >>> layer = keras.layers.RNN(cell, return_sequences=True)
    >>> layer(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    >>> states = cell.get_initial_state(batch_size=2)
    >>> output, states = cell(np.zeros((2, 5)), states)

    Args:
        units: Positive integer, the size of the hidden state.
        activation: Activation of the (candidate) state. Default: `"tanh"`.
        recurrent_activation: Activation of the backbone's gates. Default: `"sigmoid"`.
        use_bias: Boolean, whether the layer has biases.
        kernel_initializer: Initializer of all kernels except those named below.
        recurrent_initializer: Initializer of the kernels that multiply the hidden state or the
            memory in a gate.
        bias_initializer: Initializer of the biases. A `ChronoInitializer` is for the backbone; the
            memory's biases then start as they do by default.
        unit_forget_bias: Boolean, whether the biases of the forget gates start at 1, the LSTM's,
            and at `memory_forget_bias`, the memory's.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Regularizers of the weights
            that the initializers of the same names initialize.
        kernel_constraint, recurrent_constraint, bias_constraint: Constraints of the same weights.
        dropout: Float in [0, 1), the fraction of the inputs to drop, the same at every step.
        recurrent_dropout: Float in [0, 1), the fraction of the hidden state to drop where it
            enters the gates, the same at every step.
        seed: Integer, the seed of dropout and zoneout.
        block_size: Positive integer k, the number of steps in the block that a write attends to.
        stride: Positive integer s. A write takes every s-th hidden state of the block and all of
            its inputs, and the memory has `block_size / stride` slots.
        window_size: Positive integer w, the number of steps between writes; `None` means
            `block_size`. Both must be multiples of `stride`.
        num_heads: Positive integer, the number of attention heads, which must divide
            `memory_units`; `None` means the largest of 4, 2 and 1 that does. It has no effect
            without attention.
        backbone: `"lstm"`, `"gru"`, `"rnn"` or `"high_order_rnn"` (three hidden states back).
        interaction: `"self_attention"`, or `"linear"`, which replaces it by one linear map of the
            block.
        memory_read: How a step reads the memory. `"gate"` reads the whole memory through a gate,
            as in the paper; `"attention"` attends to the slots by their content.
        memory_units: Positive integer, the size of a memory slot; `None` means `units`, as in the
            paper. If it is another, a write projects the hidden states of the block to this
            size. With H units and features, k = 8 and s = 4, the memory has 31 H^2 weights; with
            `memory_units` of H / 4, 3.1 H^2.
        memory_forget_bias: Float, the initial bias of the memory's forget gate. With b, an
            untrained memory keeps `sigmoid(b)` of its content at each write.
        read_initializer: Initializer of W_r, which projects what is read from the memory. Default:
            `"zeros"`: training starts from the plain backbone and learns to read the memory.
        read_bias_initializer: Initializer of the bias of the read gate. Default: -1.
        memory_dropout: Float in [0, 1), the fraction of the memory to drop after each write.
        zoneout: Float in [0, 1), or a pair of them for the hidden state and the LSTM's cell state:
            the probability that a unit keeps its old value. Zoneout masks are drawn for each unit,
            step and sequence in training; at inference, the expectation is taken.
        implementation: Accepted for compatibility with `keras.layers.LSTMCell`; it has no effect.

    Call arguments:
        inputs: `(batch, features)`.
        states: List of tensors `(batch, size)` with the sizes in `state_size`: the hidden state;
            the other state of the backbone, such as the LSTM's cell state; the memory; the hidden
            states and the embedded inputs of the block so far; the number of steps, as digits.
        training: Boolean, whether dropout and zoneout are active.

    Returns:
        The new hidden state `(batch, units)`, and the list of the new states.

    Raises:
        ValueError: if an argument is out of its range, or `states` are not those of the cell.

    References:
        Fu et al., Non-local Recurrent Neural Memory for Supervised Sequence Modeling, ICCV 2019,
        Eqs. 1 to 8; Pei et al., Learning Sequence Representations by Non-local Recurrent Neural
        Memory, IJCV 2022.
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
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
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
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        super().__init__(**kwargs)
        set_attributes(self, arguments, CELL_ARGUMENTS)
        self.window_size = block_size if window_size is None else window_size
        self.memory_units = units if memory_units is None else memory_units
        if isinstance(zoneout, (list, tuple)):
            self.zoneout = tuple(zoneout)
        rates = self.zoneout if isinstance(self.zoneout, tuple) else (zoneout, zoneout)
        self._zoneout_rates = rates
        check_arguments(self)
        if num_heads is None and has_heads(self):
            divides = (n for n in _DEFAULT_NUM_HEADS if self.memory_units % n == 0)
            self.num_heads = next(divides)
        self.seed_generator = random.SeedGenerator(seed)
        self._draws_every_step = any(self._zoneout_rates) or memory_dropout > 0
        self._sequence_seed = None
        self.slots = block_size // stride
        self.recurrence = BACKBONES[backbone](units, self.activation, self.recurrent_activation)
        weight_options = {n: getattr(self, n) for n in CELL_ARGUMENTS if _is_of_weights(n)}
        has_chrono = isinstance(self.bias_initializer, ChronoInitializer)
        if has_chrono:
            weight_options["bias_initializer"] = initializers.Zeros()
        self.memory = NonLocalMemory(
            self.memory_units,
            units,
            block_size,
            stride,
            self.num_heads,
            interaction,
            memory_read,
            memory_forget_bias if unit_forget_bias or has_chrono else None,
            use_bias,
            weight_options,
            dtype=self.dtype_policy,
            name="memory",
        )
        # Sets it for the parts of the memory too.
        self.memory.trainable = self.trainable
        self.state_size = [size for _, size in self._states()]
        self.output_size = units

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for inputs of shape `(batch, features)`."""
        gates = self.recurrence.num_gates * self.units
        self.kernel = self._kernel("kernel", (input_shape[-1], gates))
        self.recurrent_kernel = self._kernel(
            "recurrent_kernel", (self.recurrence.recurrent_size, gates), kind="recurrent"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(2, gates) if self.recurrence.has_hidden_bias else (gates,),
                initializer=self._initialize_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.memory.build(input_shape)
        self.built = True

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Returns the state before the first step: zeros."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def __call__(
        self, inputs: Tensor, states: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> tuple[Tensor, list[Tensor]]:
        """Checks the states and calls the cell."""
        # Here, because Keras adds the text of all arguments to errors that `call` raises.
        self.check_states(states, inputs)
        return super().__call__(inputs, states, *args, **kwargs)

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step (Eqs. 5 to 8) and, where a window ends, the write (Eqs. 1 to 4)."""
        old = self.unpack_states(states)
        steps = step_counter.to_steps(old.steps)
        recurrent_mask = None
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout:
            recurrent_mask = self.get_recurrent_dropout_mask(old.hidden)

        read = self.memory.read(inputs, old.memory)
        hidden, carry = self.recur(
            self.gate_inputs(inputs), read, old.hidden, old.carry, recurrent_mask
        )
        hidden_kept, carry_kept = self.zoneout_fractions(
            ops.shape(hidden), training, seed=lambda number: self._step_seed(steps, number)
        )
        hidden = hold(hidden, old.hidden, hidden_kept)
        carry = hold(carry, old.carry, carry_kept)

        steps = self.advance(steps, 1)
        is_slot = ops.expand_dims(steps % self.stride == 0, -1)
        hidden_block = ops.where(is_slot, _push(old.hidden_block, hidden), old.hidden_block)
        input_block = _push(old.input_block, self.memory.embed(inputs))
        digits = step_counter.to_digits(steps, old.steps.dtype)
        new = NRNMState(hidden, carry, old.memory, hidden_block, input_block, digits)
        new = new._replace(memory=self._memory_after(new, steps, training))
        return hidden, self.pack_states(new)

    def check_states(self, states: Any, inputs: Tensor, argument: str = "states") -> None:
        """Raises a `ValueError` unless these are states of the cell for a batch of inputs."""
        check_states(states, self._states(), inputs, argument)

    def unpack_states(self, states: Sequence[Tensor]) -> NRNMState:
        """Names the states; a backbone that carries nothing has a carry of width 0."""
        states = list(states)
        if not self.recurrence.carry_size:
            states.insert(1, states[0][:, :0])
        return NRNMState(*states)

    def pack_states(self, state: NRNMState) -> list[Tensor]:
        """The reverse of `unpack_states`."""
        states = list(state)
        if not self.recurrence.carry_size:
            del states[1]
        return states

    def gate_inputs(self, inputs: Tensor) -> Tensor:
        """Returns the contribution of inputs `(..., features)` to the gates of the backbone."""
        bias = self.bias
        if bias is not None and self.recurrence.has_hidden_bias:
            bias = bias[0]
        return multiply(inputs, self.kernel, bias)

    def recur(
        self,
        gate_inputs: Tensor,
        read: Tensor,
        hidden: Tensor,
        carry: Tensor,
        recurrent_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One step of the backbone."""
        recurrent_inputs = self.recurrence.recurrent_inputs(hidden, carry)
        if recurrent_mask is not None:
            recurrent_inputs = recurrent_inputs * recurrent_mask
        from_hidden = matmul(recurrent_inputs, self.recurrent_kernel)
        if self.bias is not None and self.recurrence.has_hidden_bias:
            from_hidden = from_hidden + self.bias[1]
        return self.recurrence.step(gate_inputs, from_hidden, read, hidden, carry)

    def advance(self, steps: Tensor, by: int) -> Tensor:
        """The number of steps after `by` more."""
        return step_counter.advance(steps, by, self.block_size, self.window_size)

    def is_write(self, steps: Tensor) -> Tensor:
        """Whether the memory is written after `steps` steps: a window ends and a block is full."""
        return ops.logical_and(steps % self.window_size == 0, steps >= self.block_size)

    def zoneout_fractions(
        self, shape: Any, training: bool, seed: Callable[[int], Any]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the zoneout masks of the hidden state and the carry (see `kept_fraction`).

        `seed` returns the seed of mask 0 or 1.
        """

        def fraction(number: int) -> Tensor | float | None:
            rate = self._zoneout_rates[number]
            return kept_fraction(rate, shape, self.compute_dtype, training, lambda: seed(number))

        hidden, carry = fraction(0), fraction(1)
        return hidden, carry if self.recurrence.has_cell_state else None

    def memory_mask(self, shape: Any, seed: Any) -> Tensor:
        """Draws the dropout mask of the memory, scaled to keep the mean."""
        keep = 1 - self.memory_dropout
        return kept_fraction(keep, shape, self.compute_dtype, True, lambda: seed) / keep

    def get_recurrent_dropout_mask(self, step_state: Tensor) -> Tensor | None:
        """Draws the recurrent dropout mask, and the seed of the masks that differ at every step."""
        if self._draws_every_step and self._sequence_seed is None:
            self._sequence_seed = self.seed_generator.next()
        copies = self.recurrence.recurrent_size // self.units
        return super().get_recurrent_dropout_mask(ops.tile(step_state, (1, copies)))

    def reset_recurrent_dropout_mask(self) -> None:
        """Discards the mask and the seed of the last sequence."""
        super().reset_recurrent_dropout_mask()
        self._sequence_seed = None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), **to_config(self, CELL_ARGUMENTS)}

    def _states(self):
        """Returns pairs of the description and the size of each state."""
        recurrence = self.recurrence
        carry = "cell state" if recurrence.has_cell_state else "hidden states before it"
        return [
            ("hidden state", self.units),
            *([(carry, recurrence.carry_size)] if recurrence.carry_size else []),
            ("memory", self.slots * self.memory_units),
            ("hidden states of the block", self.slots * self.units),
            ("inputs of the block", self.block_size * self.memory_units),
            ("digits of the number of steps", step_counter.NUM_DIGITS),
        ]

    def _memory_after(self, state, steps, training):
        """The memory after a step, written in the rows whose window ends."""
        is_write = self.is_write(steps)

        def write():
            written = self.memory.write(
                state.memory,
                ops.reshape(state.hidden_block, (-1, self.slots, self.units)),
                ops.reshape(state.input_block, (-1, self.block_size, self.memory_units)),
                self.memory.write_gate_inputs(state.input_block),
            ).value
            if training and self.memory_dropout:
                written = written * self.memory_mask(ops.shape(written), self._step_seed(steps, 2))
            return ops.where(ops.expand_dims(is_write, -1), written, state.memory)

        # Most steps of a stream end no window. JAX would compute both branches for a batch of
        # streams, and PyTorch's export knows no branch.
        if training or keras.backend.backend() != "tensorflow":
            return write()
        return ops.cond(ops.any(is_write), write, lambda: state.memory)

    def _step_seed(self, steps, number):
        """The seed of a step's mask `number`, which differs whenever any sequence takes a step."""
        if self._sequence_seed is None:
            self._sequence_seed = self.seed_generator.next()
        return StepSeed(self._sequence_seed, 3 * ops.sum(steps) + number)

    def _kernel(self, name, shape, kind="kernel"):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _initialize_bias(self, shape, dtype=None):
        bias = self.bias_initializer(shape, dtype=dtype)
        if not (self.unit_forget_bias and self.recurrence.has_cell_state):
            return bias
        ones = ops.ones((self.units,), dtype=dtype)
        return ops.concatenate([bias[: self.units], ones, bias[2 * self.units :]], axis=0)


CELL_ARGUMENTS = argument_names(NRNMCell)


def _is_of_weights(name):
    return name.endswith(("_initializer", "_regularizer", "_constraint"))


def _push(block, newest):
    """Drops the oldest rows of a flattened block `(batch, rows * units)` and adds `newest`."""
    return ops.concatenate([block[:, newest.shape[-1] :], newest], axis=-1)

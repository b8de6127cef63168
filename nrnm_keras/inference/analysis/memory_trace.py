"""How full the memories are over time, and how open their gates."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops


class MemoryTrace(NamedTuple):
    """One memory over time. What is "open" is the mean of a gate's values in (0, 1).

    Attributes:
        name: of the layer and its direction.
        steps: the time steps, from 0, in the order in which the layer takes them; `(steps,)`.
        norm: Euclidean norm of the memory after each of them, `(steps,)`.
        read_gate: how open the read gate is at each of them (Eq. 7); NaN while the memory is
            empty; `(steps,)`.
        writes: the time steps of the writes, `(writes,)`.
        input_gate: how open G_i is at each of them (Eq. 4), `(writes,)`.
        forget_gate: how open G_f is, `(writes,)`: at 1 all of the old memory is kept.
    """

    name: str
    steps: np.ndarray
    norm: np.ndarray
    read_gate: np.ndarray
    writes: np.ndarray
    input_gate: np.ndarray
    forget_gate: np.ndarray


def trace_memories(directions):
    """Returns the `MemoryTrace` of every memory.

    Args:
        directions: list of `Direction`.
    """
    return [_trace(direction) for direction in directions if direction.has_memory]


def _trace(direction):
    steps = np.arange(direction.sequences.shape[1])
    if direction.mask is not None:  # a masked step leaves the memory as it was
        steps = np.flatnonzero(ops.convert_to_numpy(direction.mask)[0])
    if direction.layer.go_backwards:
        steps = steps[::-1]
    cell = direction.layer.cell
    sequences = tf.gather(direction.sequences, steps, axis=1)
    norm, read_gate, input_gate, forget_gate = _run(cell, sequences)
    is_write = ops.convert_to_numpy(cell.is_write(np.arange(1, len(steps) + 1)))
    written_before = np.cumsum(is_write) - is_write > 0
    return MemoryTrace(
        direction.name,
        steps,
        norm,
        np.where(written_before, read_gate, np.nan),
        steps[is_write],
        input_gate[is_write],
        forget_gate[is_write],
    )


def _run(cell, sequences):
    """Returns the memory's norm and the means of its three gates after each step, `(4, steps)`."""
    step = tf.function(lambda inputs, states: _step(cell, inputs, states))
    states, traced = cell.get_initial_state(1), []
    for inputs in tf.unstack(tf.cast(sequences, cell.compute_dtype), axis=1):
        numbers, states = step(inputs, states)
        traced.append(numbers.numpy())
    return np.array(traced).T


def _step(cell, inputs, states):
    memory, old = cell.memory, cell.unpack_states(states)
    _, states = cell(inputs, states)
    new = cell.unpack_states(states)
    gates = memory.gates(
        memory.read_inputs(inputs), old.memory, memory.write_gate_inputs(new.input_block)
    )
    means = [ops.mean(ops.cast(gate, "float32")) for gate in gates]
    return ops.stack([ops.norm(ops.cast(new.memory, "float32")), *means]), states

"""The norms and gates of the memories over time."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from keras import ops

from nrnm_keras.inference.analysis.directions import Direction
from nrnm_keras.plots.memory_trace import MemoryTrace


def trace_memories(directions: Sequence[Direction]) -> list[MemoryTrace]:
    """Returns the `MemoryTrace` of every memory.

    Args:
        directions: list of `Direction`.
    """
    return [_trace(direction) for direction in directions if direction.has_memory]


def _trace(direction):
    steps = np.arange(direction.sequences.shape[1])
    if direction.mask is not None:  # masked steps do not change the memory
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

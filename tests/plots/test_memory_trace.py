import numpy as np

from nrnm_keras.plots.influence import draw_influence
from nrnm_keras.plots.memory_trace import MemoryTrace, draw_memory_trace
from nrnm_keras.plots.time_steps import TimeSteps
from tests.plots.common import look, where

BLUE, VERMILION = (0, 114, 178), (213, 94, 0)


def has(pixels, color):
    return np.all(np.abs(pixels - np.array(color) / 255) < 0.1, axis=2)


def trace(name, steps, writes):
    values = np.linspace(0, 1, len(steps))
    return MemoryTrace(name, steps, 5 * values, values, writes, 0.3 + 0 * writes, 0.7 + 0 * writes)


def test_memories_of_all_directions_are_drawn(tmp_path):
    steps = np.arange(30)
    traces = [trace("layer 1, forward", steps, steps[7::8])]
    traces.append(trace("layer 1, backward", steps[::-1], steps[::-1][7::8]))
    time_steps = TimeSteps("frame", steps + 1.5, [])
    draw_memory_trace(traces, time_steps, tmp_path / "memory.png", "Title $")
    pixels = look(tmp_path / "memory.png")
    assert has(pixels, BLUE).any() and has(pixels, VERMILION).any()


def test_a_memory_that_was_never_written_is_drawn(tmp_path):
    empty = trace("layer 1", np.arange(3), np.arange(0))
    empty = empty._replace(norm=np.zeros(3), read_gate=np.full(3, np.nan))
    time_steps = TimeSteps("word", np.arange(1, 4), ["a", "b", "c"])
    draw_memory_trace([empty], time_steps, tmp_path / "memory.png", "Title")
    look(tmp_path / "memory.png")


def test_influence_falls_where_it_does(tmp_path):
    path = tmp_path / "influence.png"
    falls, stays = 0.5 ** np.arange(100.0), np.ones(100)
    falls[60:] = 0  # less than a float can hold
    draw_influence({"LSTM ($a)": falls, "NRNM": stays}, path, "Title")
    pixels = look(path)[: -len(look(path)) // 4]  # without the legend
    bottom, top = (where(has(pixels, color), axis=0)[1] for color in (BLUE, VERMILION))
    assert bottom > top + 100


def test_one_step_and_one_network_are_enough(tmp_path):
    draw_influence({"NRNM": np.ones(1)}, tmp_path / "influence.png", "Title")
    assert has(look(tmp_path / "influence.png"), BLUE).any()

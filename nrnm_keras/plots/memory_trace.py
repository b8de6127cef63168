"""Plot of the memories over time: their norms and the openness of their gates."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nrnm_keras.plots.canvas import count_along_x, new_figure, save
from nrnm_keras.plots.colors import PALETTE
from nrnm_keras.plots.sheet import number_drawn, place, write_head
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.typing import File

_MOST_MEMORIES = 6
_WIDTH, _PANEL, _BETWEEN = 9.0, 1.9, 0.35  # inches
_EXPLANATION = (
    "Top: Euclidean norm of the memory after each {unit}. Middle: mean openness of the read gate "
    "from the first write on; 0 is closed, 1 is open. Bottom: mean openness of the gates of each "
    "write: the input gate admits new content, the forget gate keeps old content."
)


class MemoryTrace(NamedTuple):
    """One memory over time. The openness of a gate is the mean of its values, in (0, 1).

    Attributes:
        name: of the layer and its direction.
        steps: the time steps, from 0, in the order in which the layer takes them; `(steps,)`.
        norm: Euclidean norm of the memory after each of them, `(steps,)`.
        read_gate: openness of the read gate at each of them (Eq. 7), `(steps,)`; NaN while the
            memory is empty.
        writes: the time steps of the writes, `(writes,)`.
        input_gate: openness of G_i at each of them (Eq. 4), `(writes,)`.
        forget_gate: openness of G_f, `(writes,)`; at 1 the old memory is kept whole.
    """

    name: str
    steps: np.ndarray
    norm: np.ndarray
    read_gate: np.ndarray
    writes: np.ndarray
    input_gate: np.ndarray
    forget_gate: np.ndarray


def draw_memory_trace(
    traces: Sequence[MemoryTrace], time_steps: TimeSteps, path: File, title: str
) -> None:
    """Plots the norms and gates of memories over time, of at most 6 memories, as a PNG.

    Args:
        traces: list of `MemoryTrace`.
        time_steps: `TimeSteps`.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    figure = new_figure(_WIDTH, 3 * _PANEL + 2 * _BETWEEN)
    panels = [place(figure, 0, i * (_PANEL + _BETWEEN), _WIDTH, _PANEL) for i in range(3)]
    norm, read, write = panels
    numbers = time_steps.numbers
    for i, trace in enumerate(traces[:_MOST_MEMORIES]):
        style = {"color": PALETTE[i % len(PALETTE)], "linestyle": ("-", "--")[i % 2]}
        # The memory holds until the next write.
        norm.step(numbers[trace.steps], trace.norm, where="post", label=trace.name, **style)
        read.plot(numbers[trace.steps], trace.read_gate, **style)
        for gate, values, marker, filling in (
            ("input gate", trace.input_gate, "o", style["color"]),
            ("forget gate", trace.forget_gate, "s", "white"),
        ):
            marks = {"marker": marker, "markerfacecolor": filling, "markersize": 5}
            label = f"{gate}, {trace.name}"
            write.plot(numbers[trace.writes], values, label=label, **marks, **style)
    norm.set(ylabel="norm of the memory", ylim=(0, None))
    read.set(ylabel="read gate, mean", ylim=(-0.02, 1.02))
    if all(np.isnan(trace.read_gate).all() for trace in traces[:_MOST_MEMORIES]):
        middle = {"ha": "center", "va": "center", "transform": read.transAxes, "color": "dimgrey"}
        read.text(0.5, 0.5, f"every {time_steps.unit} reads an empty memory", **middle)
    write.set(ylabel="write gates, mean", ylim=(-0.02, 1.02), xlabel=time_steps.unit)
    for axes in panels:
        axes.set_xlim(numbers.min() - 0.5, numbers.max() + 0.5)
        count_along_x(axes)
        axes.grid(alpha=0.3)
    for axes in (norm, write):
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=9)
    left_out = number_drawn(min(len(traces), _MOST_MEMORIES), len(traces), "memories")
    write_head(figure, title, f"{_EXPLANATION.format(unit=time_steps.unit)} {left_out}")
    save(figure, path)

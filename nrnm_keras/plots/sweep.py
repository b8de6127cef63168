"""Plot of a sweep: the result by the value of a flag."""

import itertools
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nrnm_keras.plots.canvas import new_figure, save
from nrnm_keras.plots.colors import PALETTE
from nrnm_keras.plots.sheet import LONGEST_TITLE, noted, number_drawn
from nrnm_keras.typing import File
from pipelines.escaping import for_picture

_MARKERS = "os^Dv*X"
_MOST_VALUES, _MOST_GROUPS = 40, 14
_WIDEST = 20.0  # inches
_LONGEST_VALUE, _LONGEST_NAME, _CHARACTERS_ACROSS = 30, 60, 70
_LONGEST_UPRIGHT = 7  # letters
_SMALLEST_GAP = 0.06  # of the width, between labels


def draw_sweep(rows: Sequence[Mapping[str, Any]], path: File, title: str) -> None:
    """Plots the mean and standard deviation of each point, with a dot for every run, as a PNG.

    The values of the first flag are on the horizontal axis, connected by a line if they are
    numbers. Each combination of the other flags has a color. At most 40 values that are not numbers
    and at most 14 combinations are drawn; the title says so if some are left out.

    Args:
        rows: from `summarize`.
        path: where the plot is written, a path or a binary file.
        title: line above the plot.
    """
    split = "test" if all(row["test"] for row in rows) else "validation"
    first = next(iter(rows[0]["values"]))
    values = list(dict.fromkeys(row["values"][first] for row in rows))
    is_numeric = all(_is_number(value) for value in values)
    notes = [] if is_numeric else [number_drawn(min(len(values), _MOST_VALUES), len(values), first)]
    values = values if is_numeric else values[:_MOST_VALUES]
    groups = _groups([row for row in rows if row["values"][first] in values], first)
    notes.append(number_drawn(min(len(groups), _MOST_GROUPS), len(groups), "combinations"))
    groups = dict(itertools.islice(groups.items(), _MOST_GROUPS))
    figure = new_figure(min(max(5.0, 0.8 * len(values)), _WIDEST), 3.4)
    axes = figure.subplots()
    for number, (name, group) in enumerate(groups.items()):
        places = np.array([_place(row["values"][first], values, is_numeric) for row in group])
        if not is_numeric:
            places += 0.12 * (number - (len(groups) - 1) / 2)
        _draw_group(axes, places, [row[split] for row in group], number, name, is_numeric)
    _name_places(axes, values, is_numeric)
    metric = rows[0]["metric"].replace("_", " ")
    axes.set(xlabel=first.replace("_", " "), ylabel=f"{split} {metric}")
    title = noted(for_picture(title, LONGEST_TITLE), *notes)
    axes.set_title(textwrap.fill(title, _CHARACTERS_ACROSS))
    axes.grid(alpha=0.3)
    if len(groups) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Returns the mean and the standard deviation, None of fewer than two, of a list of floats."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def _groups(rows, first):
    """Returns the rows by the other flags' values, in words.

    Flags that vary together with another are left out, unless points would then coincide.
    """

    def others(row, left_out):
        return [(name, v) for name, v in row["values"].items() if name not in (first, *left_out)]

    def companions(row):
        return row.get("companions", ())

    places = {(row["values"][first], *others(row, companions(row))) for row in rows}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        named = others(row, companions(row) if len(places) == len(rows) else ())
        group = ", ".join(f"{name}={value or 'none'}" for name, value in named)
        groups.setdefault(group, []).append(row)
    return groups


def _name_places(axes, values, is_numeric):
    """Labels the values on the horizontal axis if they fit, long names at an angle."""
    names = [for_picture(value or "none", _LONGEST_VALUE) for value in values]
    places = [_place(value, values, is_numeric) for value in values]
    if len(places) > 1 and np.diff(np.sort(places)).min() < _SMALLEST_GAP * np.ptp(places):
        return
    is_long = max(map(len, names)) > _LONGEST_UPRIGHT
    style = {"rotation": 35, "ha": "right"} if is_long else {}
    axes.set_xticks(places, names, **style)


def _draw_group(axes, places, results, number, name, is_line):
    """Draws the points of one combination of the other flags' values."""
    style = _style(number)
    means, spreads = zip(*map(mean_and_spread, results), strict=True)
    axes.errorbar(
        places,
        means,
        [spread or 0 for spread in spreads],
        **(style if is_line else {**style, "linestyle": "none"}),
        capsize=3,
        label=for_picture(name, _LONGEST_NAME),
    )
    for place, values in zip(places, results, strict=True):
        axes.plot([place] * len(values), values, ".", color=style["color"], alpha=0.4)


def _style(number):
    """The look of a combination: after all colors come the same with dashes and hollow markers."""
    repetition, place = divmod(number, len(PALETTE))
    return {
        "color": PALETTE[place],
        "marker": _MARKERS[(place + repetition) % len(_MARKERS)],
        "markerfacecolor": "white" if repetition else PALETTE[place],
        "linestyle": "--" if repetition else "-",
    }


def _is_number(value):
    try:
        float(value)
    except ValueError:
        return False
    return True


def _place(value, values, is_numeric):
    return float(value) if is_numeric else float(values.index(value))

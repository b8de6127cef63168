"""Finds what the columns of a table of series are, by their names."""

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.escaping import listed, quoted
from pipelines.numbers import parse_count, parse_float
from pipelines.text_files.columns import find_column

# Names in files that people share, in any case.
ID = (
    *("id", "series", "series_id", "case", "case_id", "sample", "sample_id", "sequence"),
    *("sequence_id", "recording", "recording_id", "unique_id", "uid", "instance"),
)
TIME = (
    *("time", "timestamp", "t", "step", "timestep", "time_step", "datetime", "date", "ds", "frame"),
    "index",
)
LABEL = ("label", "class", "target", "category", "classlabel", "class_label", "y")
# Columns that pandas writes for an index without a name.
_NO_NAMES = ("", "unnamed: 0")


class Columns(NamedTuple):
    """Names of the columns of a table of series; None for a usual name.

    Attributes:
        id: the column that says to which series a row belongs.
        time: the column that says where in its series a row belongs.
        label: the column of the labels.
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None


USUAL = Columns()


class Layout(NamedTuple):
    """What each column of a table is.

    Attributes:
        id: index of the column that names the series, or None.
        time: index of the column of time; None in the wide form, with one series in a row.
        label: index of the column of labels, or None.
        values: indices of the features in the long form, of the steps in the wide form.
    """

    id: int | None
    time: int | None
    label: int | None
    values: list[int]

    @property
    def is_long(self) -> bool:
        """Whether a row is one step of a series."""
        return self.time is not None


def find_layout(
    place: str, names: Sequence[str], columns: Columns = USUAL, with_labels: bool = True
) -> Layout:
    """Returns the `Layout` of a table from the names of its columns.

    With a column of time it has the long form, otherwise the wide one. Columns without a name, such
    as an index, are nothing.

    Args:
        place: where the names are, for messages.
        names: the names.
        columns: the `Columns` that were given.
        with_labels: whether there must be a label.

    Raises:
        SourceError: if a column is missing, or there are several that it may be.

    Example:

    >>> find_layout("a.csv, line 1", ["Series", "t", "x", "y", "Class"])
    Layout(id=0, time=1, label=4, values=[2, 3])
    >>> find_layout("a.csv, line 1", ["class", "0", "1", "2"])
    Layout(id=None, time=None, label=0, values=[1, 2, 3])
    """
    label = _find(place, names, "label", columns.label, _label_names(names), with_labels)
    if label is None:
        _check_names(place, names)
    time = _find(place, names, "time", columns.time, TIME, columns.time is not None)
    series = _find(place, names, "id", columns.id, ID, columns.id is not None)
    if time is not None and series is None:
        shown = quoted(names[time])
        raise SourceError(
            f"{place}: a column of time, {shown}, but no column 'id' of the series; "
            f"--id_column=NAME names it; if each row is one series, remove {shown}"
        )
    taken = [index for index in (series, time, label) if index is not None]
    if len(set(taken)) < len(taken):
        raise SourceError(
            f"{place}: one column is to be two of id, time and label; expected different ones"
        )
    values = [
        index
        for index, name in enumerate(names)
        if index not in taken and str(name).strip().lower() not in _NO_NAMES
    ]
    if not values:
        what = "feature" if time is not None else "step"
        found = listed(names, show=quoted)
        raise SourceError(f"{place}: no column of a {what}; found: {found}")
    return Layout(series, time, label, values)


def _label_names(names):
    """Returns the usual names of labels; y beside x is a coordinate."""
    is_coordinate = {"x", "y"} <= {str(name).lower() for name in names}
    return LABEL[:-1] if is_coordinate else LABEL


def _find(place, names, kind, given, usual, is_needed):
    """Returns the index of a column; None if there is none and it is not needed."""
    flag = f"{kind}_column"
    lower = [str(name).lower() for name in names]
    if given:
        return find_column(place, names, (given,)) if is_needed or given.lower() in lower else None
    found = [name for name, each in zip(names, lower, strict=True) if each in usual]
    if len(found) > 1:
        raise SourceError(
            f"{place}: columns {listed(found, show=quoted)} may all be the {kind}; "
            f"--{flag}=NAME names it"
        )
    if found or is_needed:
        return find_column(place, names, usual, flag)
    return None


def _check_names(place, names):
    """Refuses a first line of numbers that are not the numbers of steps."""
    counts = [parse_count(str(name).strip()) for name in names]
    first = counts[0] if counts else None
    if first is not None and counts == list(range(first, first + len(counts))):
        return
    if names and all(map(_is_number, names)):
        raise SourceError(
            f"{place}: numbers; expected the names of the columns in the first line, such as "
            "label,0,1,2"
        )


def _is_number(name):
    try:
        parse_float(str(name))
    except ValueError:
        return False
    return True

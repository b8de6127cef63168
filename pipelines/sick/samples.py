"""Reads SICK 2014: a tab-separated file for each split, with one pair of sentences per line."""

from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import TABLE
from pipelines.numbers import parse_float
from pipelines.paths import StrPath
from pipelines.user_files import files_in_folder, read_lines

# Split -> file.
FILES = {
    "train": "SICK_train.txt",
    "validation": "SICK_trial.txt",
    "test": "SICK_test_annotated.txt",
}
# Judgment in the file -> name, in the order of the labels.
JUDGMENTS = {
    "NEUTRAL": "neutral",
    "ENTAILMENT": "entailment",
    "CONTRADICTION": "contradiction",
}
LOWEST, HIGHEST = 1, 5

_COLUMNS = ("pair_ID", "sentence_A", "sentence_B", "relatedness_score", "entailment_judgment")


class Pair(NamedTuple):
    """Two sentences; `relatedness` is from 1 to 5, `entailment` is a value of `JUDGMENTS`."""

    id: str
    first: str
    second: str
    relatedness: float
    entailment: str


def read_pairs(path: StrPath, limit: int = TABLE) -> dict[str, list[Pair]]:
    """Returns split -> list of the `Pair`s in its file, in their order.

    Args:
        path: the folder that holds `FILES`.
        limit: the size of the largest file in bytes; all files are kept in memory.

    Raises:
        SourceError: naming file and line, if a file is missing or cannot be read, an id occurs
            twice in the same file or in two, or a line is wrong.
    """
    places: dict[str, str] = {}
    pairs: dict[str, list[Pair]] = {}
    for split, file in zip(FILES, files_in_folder(path, [*FILES.values()], limit), strict=True):
        pairs[split] = []
        for place, pair in _read_file(file, limit):
            if pair.id in places:
                first = places[pair.id]
                raise SourceError(f"{place}: pair {pair.id} occurs twice, first at {first}")
            places[pair.id] = place
            pairs[split].append(pair)
        if not pairs[split]:
            raise SourceError(f"{file}: no pairs in it; expected one per line")
    return pairs


def _read_file(path, limit):
    """Yields (place, `Pair`) for each line of a file; blank lines are skipped."""
    columns = None
    for number, line in read_lines(path, limit):
        if not line.strip():
            continue
        place, fields = f"{path}, line {number}", [field.strip() for field in line.split("\t")]
        if columns is None:
            columns = _check_columns(place, fields)
            continue
        if len(fields) != len(columns):
            raise SourceError(
                f"{place}: {len(fields)} fields, separated by tabs; expected {len(columns)}: "
                f"{', '.join(columns)}"
            )
        record = dict(zip(columns, fields, strict=True))
        yield place, _pair(place, *(record[name] for name in _COLUMNS))


def _check_columns(place, columns):
    """Returns the columns after checking that each needed one occurs once."""
    for name in _COLUMNS:
        if columns.count(name) != 1:
            raise SourceError(
                f"{place}: {columns.count(name) or 'no'} columns {quoted(name)}; "
                f"expected one of each: {', '.join(_COLUMNS)}, separated by tabs"
            )
    return columns


def _pair(place, identifier, first, second, score, judgment):
    """Returns the `Pair` in the fields of a line."""
    for name, field in zip(_COLUMNS, (identifier, first, second), strict=False):
        if not field:
            raise SourceError(f"{place}: {name} is empty; expected some text")
    if judgment not in JUDGMENTS:
        raise SourceError(
            f"{place}: entailment_judgment is {quoted(judgment)}; expected {', '.join(JUDGMENTS)}"
        )
    return Pair(identifier, first, second, _score(place, score), JUDGMENTS[judgment])


def _score(place, text):
    try:
        score = parse_float(text)
    except ValueError:
        score = None
    if score is None or not LOWEST <= score <= HIGHEST:
        raise SourceError(
            f"{place}: relatedness_score is {quoted(text)}; "
            f"expected a number from {LOWEST} to {HIGHEST}, such as 3.5"
        )
    return score

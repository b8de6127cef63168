"""Generates problems that ask for something seen many steps ago."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pipelines.argument_checks import check_at_least, check_choice
from pipelines.errors import SourceError


class Problem(NamedTuple):
    """The definition of a problem.

    Attributes:
        draw: function of a NumPy generator, count, length and difficulty; returns sequences and
            targets.
        tokens: names of the token ids 1, 2 and so on (0 is for padding); empty if the steps hold
            numbers.
        classes: names of the target's classes; empty if the target is a number.
        shortest: function of the difficulty; returns the smallest length.
        difficulty: the usual difficulty, 0 if the problem has none.
        hardest: the greatest difficulty, None if only the length limits it.
    """

    draw: Callable[[np.random.Generator, int, int, int], tuple[np.ndarray, np.ndarray]]
    tokens: tuple[str, ...]
    classes: tuple[str, ...]
    shortest: Callable[[int], int]
    difficulty: int = 0
    hardest: int | None = 0


def generate(
    problem: str, count: int, *, length: int, difficulty: int = 0, seed: Any = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draws sequences and targets; the README describes each problem.

    Args:
        problem: a key of `PROBLEMS`.
        count: number of sequences, at least 1.
        length: total number of time steps, including question and answer.
        difficulty: number of symbols to copy or pairs to recall; 0 for the usual number. Adding and
            induction allow only 0.
        seed: a seed that `numpy.random.default_rng` accepts: an integer of at least 0, a
            `SeedSequence` or a generator.

    Returns:
        A tuple (sequences, targets). Sequences are `(count, length, 2)` float32, value and marker,
        for adding, else `(count, length)` int32 token ids of at least 1. Targets are `(count,)`
        float32 for adding, `(count, length)` int32 classes for copy, else `(count,)` int32 classes.

    Raises:
        SourceError: if the problem does not allow an option's value.

    Sources: adding and copy are from Hochreiter and Schmidhuber (1997), Long Short-Term Memory, in
    the forms of Le et al. (2015), https://arxiv.org/abs/1504.00941, and Arjovsky et al. (2016),
    https://arxiv.org/abs/1511.06464. Associative recall is from Danihelka et al. (2016),
    https://arxiv.org/abs/1602.03032, and Ba et al. (2016), https://arxiv.org/abs/1610.06258.
    Induction is from Olsson et al. (2022), https://arxiv.org/abs/2209.11895, in the form of Gu and
    Dao (2023), https://arxiv.org/abs/2312.00752.

    Example:

    >>> sequences, targets = generate("copy", 64, length=12, difficulty=3)
    >>> [PROBLEMS["copy"].tokens[token - 1] for token in sequences[0]][3:]
    ['blank', 'blank', 'blank', 'blank', 'blank', 'cue', 'blank', 'blank', 'blank']
    >>> bool((targets[:, -3:] == sequences[:, :3]).all())
    True
    """
    check_at_least(1, count=count)
    difficulty = full_difficulty(problem, length, difficulty)
    return PROBLEMS[problem].draw(np.random.default_rng(seed), count, length, difficulty)


def full_difficulty(problem: str, length: int, difficulty: int = 0) -> int:
    """Returns the difficulty; for 0, the problem's usual one.

    Raises:
        SourceError: if there is no such problem, or it does not allow the length or difficulty.

    Example:

    >>> full_difficulty("copy", length=100)
    10
    """
    check_choice(PROBLEMS, problem=problem)
    *_, shortest, usual, hardest = PROBLEMS[problem]
    if difficulty < 0 or (hardest is not None and difficulty > hardest):
        allowed = "only 0" if hardest == 0 else f"0 to {hardest}" if hardest else "0 or more"
        raise SourceError(f"difficulty={difficulty}; {problem} allows {allowed}")
    difficulty = difficulty or usual
    if length < shortest(difficulty):
        of = f" with difficulty={difficulty}" if difficulty else ""
        raise SourceError(f"length={length}; {problem}{of} needs at least {shortest(difficulty)}")
    return difficulty


def baseline(problem: str, length: int, difficulty: int = 0) -> float:
    """Returns the score of the best constant prediction, which ignores the sequence.

    Args:
        problem: a key of `PROBLEMS`.
        length: number of time steps.
        difficulty: as for `generate`.

    Returns:
        For adding, the mean squared error of predicting 1; for copy, the accuracy over all steps of
        predicting blank; else the accuracy of predicting any one class.

    Raises:
        SourceError: as `generate`.

    Example:

    >>> baseline("copy", length=100)
    0.9
    >>> baseline("induction", length=100)
    0.0625
    """
    difficulty = full_difficulty(problem, length, difficulty)
    if problem == "adding":
        return 1 / 6  # the variance of a sum of two independent uniform numbers
    if problem == "copy":
        return (length - difficulty) / length
    return 1 / len(PROBLEMS[problem].classes)


def _adding(rng, count, length, _):
    """Draws numbers, of which one in each half is marked; the target is the marked ones' sum."""
    values = rng.random((count, length), dtype=np.float32)
    markers = np.zeros_like(values)
    rows, half = np.arange(count), length // 2
    first, second = rng.integers(half, size=count), rng.integers(half, length, size=count)
    markers[rows, first] = markers[rows, second] = 1
    return np.stack([values, markers], axis=-1), values[rows, first] + values[rows, second]


def _copy(rng, count, length, difficulty):
    """Draws symbols, blanks, a cue, blanks; the target ends in the symbols."""
    symbols = rng.integers(1, 1 + len(_SYMBOLS), size=(count, difficulty))
    sequences = np.full((count, length), _id("copy", "blank"), np.int32)
    sequences[:, :difficulty] = symbols
    sequences[:, -difficulty - 1] = _id("copy", "cue")
    targets = np.zeros((count, length), np.int32)
    targets[:, -difficulty:] = symbols
    return sequences, targets


def _associative_recall(rng, count, length, difficulty):
    """Draws pairs of key and value, blanks, one of the keys; the target is that key's value."""
    rows = np.arange(count)
    keys = rng.permuted(np.tile(np.arange(len(_LETTERS)), (count, 1)), axis=1)[:, :difficulty]
    values = rng.integers(len(_DIGITS), size=(count, difficulty))
    asked = rng.integers(difficulty, size=count)
    sequences = np.full((count, length), _id("associative_recall", "blank"), np.int32)
    sequences[:, : 2 * difficulty : 2] = keys + _id("associative_recall", _LETTERS[0])
    sequences[:, 1 : 2 * difficulty : 2] = values + _id("associative_recall", _DIGITS[0])
    sequences[:, -1] = sequences[rows, 2 * asked]
    return sequences, values[rows, asked].astype(np.int32)


def _induction(rng, count, length, _):
    """Draws tokens with a trigger inside and at the end; the target is what follows the first."""
    rows, letters = np.arange(count), len(_INDUCTION_LETTERS)
    sequences = rng.integers(1, 1 + letters, size=(count, length), dtype=np.int32)
    place = rng.integers(length - 2, size=count)
    sequences[rows, place] = sequences[:, -1] = _id("induction", "trigger")
    return sequences, sequences[rows, place + 1] - 1


def _id(problem, token):
    return 1 + PROBLEMS[problem].tokens.index(token)


_SYMBOLS = tuple("12345678")
_DIGITS = tuple("0123456789")
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
_INDUCTION_LETTERS = _LETTERS[:16]

PROBLEMS = {
    "adding": Problem(_adding, tokens=(), classes=(), shortest=lambda _: 2),
    "copy": Problem(
        _copy,
        tokens=(*_SYMBOLS, "blank", "cue"),
        classes=("blank", *_SYMBOLS),
        shortest=lambda symbols: 2 * symbols + 1,
        difficulty=10,
        hardest=None,
    ),
    "associative_recall": Problem(
        _associative_recall,
        tokens=(*_LETTERS, *_DIGITS, "blank"),
        classes=_DIGITS,
        shortest=lambda pairs: 2 * pairs + 1,
        difficulty=8,
        hardest=len(_LETTERS),
    ),
    "induction": Problem(
        _induction,
        tokens=(*_INDUCTION_LETTERS, "trigger"),
        classes=_INDUCTION_LETTERS,
        shortest=lambda _: 3,
    ),
}

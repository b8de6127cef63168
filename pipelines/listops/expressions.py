"""Draws nested operations on lists of digits, such as `[MAX 2 9 [MIN 4 7 ] 0 ]`, with their values.

Source: Nangia and Bowman (2018), ListOps, https://arxiv.org/abs/1804.06028, with the operators and
the sizes of Tay et al. (2021), Long Range Arena, https://arxiv.org/abs/2011.04006.
"""

import random
import statistics
from collections.abc import Callable, Sequence

from pipelines.errors import SourceError

DIGITS = tuple("0123456789")
OPERATORS: dict[str, Callable[[Sequence[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda values: int(statistics.median(values)),
    "[SM": lambda values: sum(values) % len(DIGITS),
}
# Names of the token ids 1, 2 and so on; 0 is for padding.
TOKENS = (*DIGITS, *OPERATORS, "]")
_OPERATOR_FRACTION = 0.25  # of the arguments that may be operations
_MOST_DRAWS = 100_000


def draw_expression(
    seed: int | str,
    min_length: int = 500,
    max_length: int = 2000,
    max_depth: int = 10,
    max_arguments: int = 10,
) -> tuple[list[int], int]:
    """Draws an expression whose length is within bounds.

    Expressions are drawn until one fits: each argument that may be an operation is one with a
    probability of 1/4, and an operation has 2 to `max_arguments` arguments, all equally likely.

    Args:
        seed: seed of the generator, an integer or a string.
        min_length: smallest number of tokens.
        max_length: largest number of tokens.
        max_depth: largest depth; a digit alone has depth 1.
        max_arguments: largest number of arguments, at least 2.

    Returns:
        A tuple (tokens, value): token ids from 1, whose names are `TOKENS`, and a digit.

    Raises:
        SourceError: if there are no or next to no such expressions.

    Example:

    >>> tokens, value = draw_expression(13, min_length=5, max_length=9)
    >>> " ".join(TOKENS[token - 1] for token in tokens), value
    ('[SM 5 2 1 ]', 8)
    """
    generator = random.Random(seed)
    for _ in range(_MOST_DRAWS):
        drawn = _draw(generator.random, max_length, max_depth, max_arguments)
        if drawn and len(drawn[0]) >= min_length:
            return drawn
    raise SourceError(
        f"no expression of {min_length} to {max_length} tokens in {_MOST_DRAWS:,} draws; give a "
        f"wider range of lengths, or more than max_depth={max_depth} or "
        f"max_arguments={max_arguments}"
    )


def _draw(uniform, max_length, max_depth, max_arguments):
    """Returns the tokens and the value of an expression, or None if it becomes too long."""
    tokens: list[int] = []
    unfinished: list[tuple[str, int, list[int]]] = []  # operator, number of arguments, values
    names = tuple(OPERATORS)
    while len(tokens) < max_length:
        if len(unfinished) + 1 < max_depth and uniform() < _OPERATOR_FRACTION:
            name = names[int(uniform() * len(names))]
            tokens.append(_ID[name])
            unfinished.append((name, 2 + int(uniform() * (max_arguments - 1)), []))
            continue
        value = int(uniform() * len(DIGITS))
        tokens.append(1 + value)
        while unfinished:
            name, count, values = unfinished[-1]
            values.append(value)
            if len(values) < count:
                break
            unfinished.pop()
            tokens.append(_ID["]"])
            value = OPERATORS[name](values)
        else:
            return (tokens, value) if len(tokens) <= max_length else None
    return None


_ID = {name: number for number, name in enumerate(TOKENS, start=1)}

"""Parses numbers in text, by the same rules for every format, and shows numbers.

A number is what C, CSV readers and JSON accept: ASCII digits with at most one dot, and an optional
exponent. Python's `float` accepts more, such as `1_000` and digits of other scripts; other readers
of the same files refuse these or, worse, truncate them.
"""

import re

from pipelines.escaping import quoted

# Without infinities, which only some formats have.
NUMBER = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[nN][aA][nN]"
INFINITY = r"[-+]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"

_FLOAT = re.compile(f"{NUMBER}|{INFINITY}")
_COUNT = re.compile("[0-9]{1,9}")
LONGEST_SHOWN = 40  # characters of a text that is not a number, in messages


def parse_float(text: str) -> float:
    """Returns the number in a text, which may be NaN or infinite; surrounding spaces are ignored.

    Raises:
        ValueError: if the text is not a number. The message quotes it.

    Example:

    >>> parse_float(" -1.5e3 ")
    -1500.0
    >>> parse_float("1_000")
    Traceback (most recent call last):
    ValueError: could not convert string to float: '1_000'
    """
    text = text.strip()
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"could not convert string to float: {quoted(text, LONGEST_SHOWN)}")
    return float(text)


def parse_count(text: str) -> int | None:
    """Returns the integer from 0 to 999,999,999 in a text, or None if there is no such integer.

    Example:

    >>> parse_count("12"), parse_count("-1"), parse_count("1_0")
    (12, None, None)
    """
    return int(text) if _COUNT.fullmatch(text) else None


def shown_number(value: float) -> str:
    """Returns a number with four decimals, or with four digits if it is close to zero.

    Example:

    >>> shown_number(12.34567), shown_number(-1.234567e-6), shown_number(0.0)
    ('12.3457', '-1.235e-06', '0.0000')
    """
    return f"{value:.4g}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"

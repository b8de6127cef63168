"""The one reader of numbers that stand in text, whatever the format.

A number is what C, the CSV readers and JSON take for one: ASCII digits with at most one dot, and an
exponent if wanted. Python's `float` takes more, `1_000` and digits of other scripts, which other
readers of the same files refuse or, worse, cut off.
"""

import re

# Apart from infinities, which only some formats have.
NUMBER = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[nN][aA][nN]"
INFINITY = r"[-+]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"

_FLOAT = re.compile(f"{NUMBER}|{INFINITY}")
_COUNT = re.compile("[0-9]{1,9}")
_LONGEST_SHOWN = 40  # characters


def parse_float(text):
    """Returns the number in a text, which may be NaN or infinite; blanks around it do not count.

    Raises:
        ValueError: if there is none. The message has the text.

    Example:

    >>> parse_float(" -1.5e3 ")
    -1500.0
    >>> parse_float("1_000")
    Traceback (most recent call last):
    ValueError: could not convert string to float: '1_000'
    """
    text = text.strip()
    if not _FLOAT.fullmatch(text):
        shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
        raise ValueError(f"could not convert string to float: {shown!r}")
    return float(text)


def parse_count(text):
    """Returns the integer from 0 to 999,999,999 in a text, or None if it is none.

    Example:

    >>> parse_count("12"), parse_count("-1"), parse_count("1_0")
    (12, None, None)
    """
    return int(text) if _COUNT.fullmatch(text) else None

"""Finds the columns of texts and labels by their names."""

from collections.abc import Sequence

from pipelines.errors import SourceError
from pipelines.escaping import listed, quoted

# Names in files that people share, from the most to the least telling.
TEXT = (
    *("text", "review", "sentence", "content", "comment", "message", "tweet", "question", "body"),
    *("description", "document", "headline", "title", "phrase", "utterance", "summary"),
)
LABEL = (
    *("label", "sentiment", "category", "class", "target", "intent", "topic", "polarity"),
    *("rating", "stars", "emotion", "tag", "y"),
)


def find_column(place: str, columns: Sequence[str], names: Sequence[str], flag: str = "") -> int:
    """Returns the index of the first of some names that a file's column has.

    A name in the same letters is preferred to one that differs in upper and lower case.

    Args:
        place: where the column names are, for the message.
        columns: the column names of the file.
        names: the names to look for, the preferred one first.
        flag: the flag that names the column, for the message.

    Raises:
        SourceError: if no column, or more than one, has the name.

    Example:

    >>> find_column("a.csv, line 1", ["id", "Sentiment", "Review"], TEXT)
    2
    """
    for has_name in (str.__eq__, lambda column, name: column.lower() == name.lower()):
        for name in names:
            found = [index for index, column in enumerate(columns) if has_name(column, name)]
            if len(found) == 1:
                return found[0]
            if found:
                raise SourceError(f"{place}: more than one column {_shown(columns, names, flag)}")
    raise SourceError(f"{place}: no column {_shown(columns, names, flag)}")


def _shown(columns, names, flag):
    advice = f"; --{flag}=NAME names it" if flag and len(names) > 1 else ""
    return f"{quoted(names[0])}; found: {listed(columns, show=quoted) or 'none'}{advice}"

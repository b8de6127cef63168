"""Escapes and shortens untrusted text, such as class names and paths, for display.

There is one function for each place: terminals, errors, Markdown, HTML, CSV, JSON, plots, shells.
Characters that do not print or would control a terminal are escaped as Python does: `\\x1b`.
"""

import html
import json
import re
import reprlib
import shlex
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

# Persian, Hindi and many emoji need these to join or separate characters. Python calls them
# unprintable.
JOINERS = "\u200c\u200d\u2060"
_SPACES = "Zs"  # the Unicode category, which includes no-break spaces

# An underscore between letters does not start emphasis.
_MARKDOWN = re.compile(r"[\\`*{}\[\]#|~$]|(?<![^\W_])_|_(?![^\W_])")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|nan)")

_LONGEST_LINE = 1000  # characters
_LONGEST_QUOTE = 80
_MOST_LISTED = 10

_BOUNDED = reprlib.Repr()
_BOUNDED.maxstring = _BOUNDED.maxother = _LONGEST_QUOTE
_BOUNDED.maxlevel = 3


def is_shown(text: str) -> bool:
    """Whether every character of a text can be displayed: letters, signs, spaces, joiners.

    Example:

    >>> is_shown("می\u200cخواهم"), is_shown("\x1b[31m")
    (True, False)
    """
    return text.isprintable() or all(map(_is_char_shown, text))


def is_utf8(path: object) -> bool:
    """Whether a path is valid UTF-8, which TensorFlow requires of the paths that it writes to."""
    try:
        str(path).encode()
        return True
    except UnicodeEncodeError:
        return False


def for_terminal(text: object, kept: str = "") -> str:
    """Returns a text with all characters escaped that do not print or control the terminal.

    Args:
        text: a string, or an object that is converted with `str`.
        kept: characters that stay although they do not print, such as a newline.

    Example:

    >>> print(for_terminal("a\x1b[31m\\n"))
    a\\x1b[31m\\n
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c in kept or _is_char_shown(c) else _escaped(c) for c in text)


def one_line(text: object, most: int = _LONGEST_LINE) -> str:
    """Returns a message in one line of bounded length; a longer one is cut in the middle.

    Example:

    >>> one_line("a value\\n of " + 100 * "x", most=30)
    'a value of xxxxxx ... xxxxxxxx'
    """
    text = str(text)
    if len(text) > 4 * most:  # the rest would be dropped anyway
        text = f"{text[: 2 * most]} ... {text[-2 * most :]}"
    return shorten(for_terminal(" ".join(text.split())), most)


def shorten(text: str, most: int) -> str:
    """Returns a text of at most `most` characters; a longer one is cut in the middle."""
    if len(text) <= most:
        return text
    mark = " ... "
    last = (most - len(mark)) // 3
    return f"{text[: most - len(mark) - last].rstrip()}{mark}{text[len(text) - last :].lstrip()}"


def cut(text: str, most: int) -> str:
    """Returns a text of at most `most` characters; a longer one is cut at the end."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(value: object, most: int = _LONGEST_QUOTE) -> str:
    """Returns the `repr` of a value, cut to at most `most` characters (80 or fewer).

    Example:

    >>> quoted("good"), len(quoted(100_000 * "long ")), len(quoted(b"x" * 1000, most=40))
    ("'good'", 80, 40)
    """
    return shorten(_BOUNDED.repr(value), most)


def listed(
    values: Iterable[Any], most: int = _MOST_LISTED, show: Callable[[Any], str] = for_terminal
) -> str:
    """Returns a list of values as text; of a long list, the first ones and the number of the rest.

    Args:
        values: the values.
        most: how many values are shown.
        show: converts a value to text.

    Example:

    >>> listed(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    values = list(values)
    shown = ", ".join(shorten(show(value), _LONGEST_QUOTE) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"


def for_markdown(text: object) -> str:
    """Returns a text that Markdown displays literally, in paragraphs and in table cells.

    Example:

    >>> print(for_markdown("<b>|a_b"))
    &lt;b&gt;\\|a_b
    """
    text = html.escape(for_terminal(text), quote=False)
    return _MARKDOWN.sub(r"\\\g<0>", text)


def markdown_code(text: object, in_table: bool = False) -> str:
    """Returns a text as inline code in Markdown; it may contain backticks.

    Example:

    >>> markdown_code("a`b")
    '``a`b``'
    """
    text = for_terminal(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " * (text[:1] == "`" or text[-1:] == "`" or not text)
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|" if in_table else "|")


def for_html(text: object) -> str:
    """Returns a text that HTML displays literally, in elements and in quoted attributes.

    Example:

    >>> for_html('<b class="a">')
    '&lt;b class=&quot;a&quot;&gt;'
    """
    return html.escape(for_terminal(text, kept="\n"))


def for_csv(value: Any) -> Any:
    """Returns a value for a CSV cell that no spreadsheet evaluates as a formula.

    Spreadsheets evaluate text that begins with `=`, `+`, `-`, `@` or a tab. Such text is prefixed
    with an apostrophe, which spreadsheets read as the mark of text and `from_csv` removes. Numbers
    and all other printable text stay as they are. The `csv` module handles quotes and separators.

    Example:

    >>> for_csv("=1+1"), for_csv("-1.5"), for_csv(-1.5), for_csv("good"), from_csv("'=1+1")
    ("'=1+1", '-1.5', -1.5, 'good', '=1+1')
    """
    if not isinstance(value, str):
        return value
    if _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        value = f"'{value}"
    lines = value.replace("\r\n", "\n")
    return value if for_terminal(lines, "\n\t") == lines else for_terminal(lines, "\n\t")


def from_csv(text: str) -> str:
    """Returns the text of a cell that `for_csv` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def for_json(value: Any, encoding: str = "utf-8") -> str:
    """Returns a value as JSON in one line, with JSON escapes for characters that do not print.

    Args:
        value: a value that JSON can represent.
        encoding: the output file's encoding. Characters that it lacks are escaped, too.

    Example:

    >>> print(for_json({"é": "\x9b"}))
    {"é": "\\u009b"}
    """
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = re.sub(r"[^ -~]+", _json_escaped, text)
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return json.dumps(value)


def for_picture(text: object, most: int = 60) -> str:
    """Returns a text that matplotlib displays literally.

    Dollar signs do not start mathematics, and a leading underscore does not hide a legend entry.

    Args:
        text: the text.
        most: the largest number of characters; the rest is cut.

    Example:

    >>> for_picture("$5$"), for_picture("_a"), for_picture("abcdef", most=4)
    ('\\\\$5\\\\$', ' _a', 'abc…')
    """
    text = cut(for_terminal(text, kept="\n"), most)
    text = f" {text}" if text.startswith("_") else text  # legends skip such names
    return text.replace("$", r"\$")


def for_shell(words: Iterable[str]) -> str:
    """Returns a command's words in one line that a shell splits into the same words.

    Example:

    >>> print(for_shell(["predict", "--text=a\\nb"]))
    predict $'--text=a\\nb'
    """
    return " ".join(shlex.quote(word) if is_shown(word) else _ansi_quoted(word) for word in words)


def _is_char_shown(char):
    return char.isprintable() or char in JOINERS or unicodedata.category(char) == _SPACES


def _escaped(char):
    return repr(char)[1:-1]


def _json_escaped(match):
    return "".join(c if _is_char_shown(c) else json.dumps(c)[1:-1] for c in match[0])


def _ansi_quoted(word):
    """Quotes a word with control characters, or bytes that are not UTF-8, as Bash and Zsh do."""
    text = "".join(
        {"\\": "\\\\", "'": "\\'"}.get(char, char) if _is_char_shown(char) else _ansi_escaped(char)
        for char in word
    )
    return f"$'{text}'"


def _ansi_escaped(char):
    if char in "\n\t\r":
        return _escaped(char)
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))

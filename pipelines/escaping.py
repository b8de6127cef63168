"""Words of others, such as class names, texts and paths, made fit for where they are shown.

A function for each place: the terminal, an error, Markdown, HTML, CSV, JSON, a picture, a shell.
What cannot be seen, or would steer a terminal, is shown as Python writes it: `\\x1b`.
"""

import html
import json
import re
import reprlib
import shlex
import unicodedata

# They join or part their neighbors, as words of Persian and Hindi and many emoji need it. Python
# calls them unprintable.
JOINERS = "\u200c\u200d\u2060"
_SPACES = "Zs"  # the Unicode category, no-break spaces among them

# An underscore between letters is no emphasis.
_MARKDOWN = re.compile(r"[\\`*{}\[\]#|~$]|(?<![^\W_])_|_(?![^\W_])")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|nan)")

_LONGEST_LINE = 1000  # characters
_LONGEST_QUOTE = 80
_MOST_LISTED = 10

_BOUNDED = reprlib.Repr()
_BOUNDED.maxstring = _BOUNDED.maxother = _LONGEST_QUOTE
_BOUNDED.maxlevel = 3


def is_shown(text):
    """Whether each character of a text can be printed: a letter, a sign, a space, a joiner.

    Example:

    >>> is_shown("می\u200cخواهم"), is_shown("\x1b[31m")
    (True, False)
    """
    return text.isprintable() or all(map(_is_char_shown, text))


def is_utf8(path):
    """Whether a path, as Python has it, is text in UTF-8; TensorFlow takes no other for output."""
    try:
        str(path).encode()
        return True
    except UnicodeEncodeError:
        return False


def for_terminal(text, kept=""):
    """Returns a text in which every character can be printed, and none steers the terminal.

    Args:
        text: string, or what `str` makes one of.
        kept: characters that stay though they cannot be printed, such as a newline.

    Example:

    >>> print(for_terminal("a\x1b[31m\\n"))
    a\\x1b[31m\\n
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c in kept or _is_char_shown(c) else _escaped(c) for c in text)


def one_line(text, most=_LONGEST_LINE):
    """Returns a message in one line of bounded length: of a longer one both ends stay.

    Example:

    >>> one_line("a value\\n of " + 100 * "x", most=30)
    'a value of xxxxxx ... xxxxxxxx'
    """
    text = str(text)
    if len(text) > 4 * most:  # the rest would be dropped anyway
        text = f"{text[: 2 * most]} ... {text[-2 * most :]}"
    return shorten(for_terminal(" ".join(text.split())), most)


def shorten(text, most):
    """Returns a text of at most so many characters: of a longer one both ends."""
    if len(text) <= most:
        return text
    mark = " ... "
    last = (most - len(mark)) // 3
    return f"{text[: most - len(mark) - last].rstrip()}{mark}{text[len(text) - last :].lstrip()}"


def cut(text, most):
    """Returns a text of at most so many characters: of a longer one the beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(value):
    """Returns what a user gave, as Python writes it, in a bounded piece.

    Example:

    >>> quoted("good"), len(quoted(100_000 * "long "))
    ("'good'", 80)
    """
    return shorten(_BOUNDED.repr(value), _LONGEST_QUOTE)


def listed(values, most=_MOST_LISTED, show=for_terminal):
    """Returns values in a list of bounded length that says how many more there are.

    Args:
        values: the values, a collection or an iterator.
        most: integer, how many are written.
        show: function from a value to its text.

    Example:

    >>> listed(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    values = list(values)
    shown = ", ".join(shorten(show(value), _LONGEST_QUOTE) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"


def for_markdown(text):
    """Returns a text that Markdown shows as it is, in a paragraph as in a cell of a table.

    Example:

    >>> print(for_markdown("<b>|a_b"))
    &lt;b&gt;\\|a_b
    """
    text = html.escape(for_terminal(text), quote=False)
    return _MARKDOWN.sub(r"\\\g<0>", text)


def markdown_code(text, in_table=False):
    """Returns a text as code in a line of Markdown, whatever backticks it has.

    Example:

    >>> markdown_code("a`b")
    '``a`b``'
    """
    text = for_terminal(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " * (text[:1] == "`" or text[-1:] == "`" or not text)
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|" if in_table else "|")


def for_html(text):
    """Returns a text that HTML shows as it is, in an element as in a quoted attribute.

    Example:

    >>> for_html('<b class="a">')
    '&lt;b class=&quot;a&quot;&gt;'
    """
    return html.escape(for_terminal(text, kept="\n"))


def for_csv(value):
    """Returns what goes into a cell of CSV, as which it is text to spreadsheets, and no formula.

    Text that a spreadsheet would compute, since it begins with `=`, `+`, `-`, `@` or a tab, gets an
    apostrophe before it, which a spreadsheet takes as the sign of text and `from_csv` takes away
    again. Numbers stay as they are, and so does everything else that can be printed. Quotes and
    separators are the `csv` module's.

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


def from_csv(text):
    """Returns the text in a cell that `for_csv` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def for_json(value, encoding="utf-8"):
    """Returns a value as JSON in one line; whatever cannot be printed has JSON's own escapes.

    Args:
        value: what JSON can hold.
        encoding: of the file that it goes to. What that lacks has escapes, too.

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


def for_picture(text, most=60):
    """Returns a text for matplotlib: a dollar sign is no mathematics, an underscore hides nothing.

    Args:
        text: string.
        most: integer, the largest number of characters; the rest is cut.

    Example:

    >>> for_picture("$5$"), for_picture("_a"), for_picture("abcdef", most=4)
    ('\\\\$5\\\\$', ' _a', 'abc…')
    """
    text = for_terminal(text, kept="\n")
    text = cut(text, most)
    text = f" {text}" if text.startswith("_") else text  # a legend leaves such names out
    return text.replace("$", r"\$")


def for_shell(words):
    """Returns the words of a command in one line that a shell reads as these words.

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

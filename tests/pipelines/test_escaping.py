"""Words of others in the terminal, errors, Markdown, HTML, CSV, JSON, pictures and shells."""

import csv
import html
import html.parser
import io
import json
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrnm_keras.errors import UsageError
from pipelines.errors import SourceError
from pipelines.escaping import (
    for_csv,
    for_html,
    for_json,
    for_markdown,
    for_picture,
    for_shell,
    for_terminal,
    from_csv,
    is_shown,
    listed,
    markdown_code,
    one_line,
    quoted,
)
from pipelines.user_files import clean_label

HARMLESS = [
    "good",
    "très bien",
    "很好",
    "\U0001f469\u200d\U0001f680",
    "می\u200cخواهم",
    "10\u00a0000",
]
STEERING = {
    "escape": "\x1b[2J",
    "C1": "\x9b31m",
    "bell": "\a",
    "carriage return": "right\rwrong",
    "backspace": "no\b\byes",
    "right to left": "\u202egnp.exe",
    "isolate": "\u2066",
    "line separator": "\u2028",
    "surrogate": "caf\udce9",
    "tag": "\U000e0041",
    "null": "\0",
}
anything = st.text(st.characters())  # surrogates, too


@pytest.mark.parametrize("text", HARMLESS)
def test_what_can_be_seen_stays(text):
    assert is_shown(text)
    assert for_terminal(text) == text == clean_label("a", text)
    assert for_csv(text) == text == html.unescape(for_html(text))


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_what_steers_a_terminal_is_shown_as_python_writes_it(text):
    assert not is_shown(text)
    shown = for_terminal(text)
    assert shown.isprintable() and eval(f"'{shown}'") == text
    with pytest.raises(SourceError, match="contains unprintable characters"):
        clean_label("a", f"a{text}b")


@pytest.mark.parametrize("label", ["\u200d", "\u200c\u200d"])
def test_a_label_that_cannot_be_seen_is_refused(label):
    with pytest.raises(SourceError, match="contains unprintable characters"):
        clean_label("a.csv, line 2", label)


@given(anything)
def test_whatever_is_given_comes_out_printable(text):
    for function in (for_terminal, for_markdown, markdown_code, quoted, one_line, for_picture):
        shown = function(text)
        shown.encode()  # no surrogates
        kinds = {unicodedata.category(c) for c in shown if c not in "\u200c\u200d\u2060"}
        assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or function is for_picture
    assert json.loads(for_json(text)) == text and json.loads(for_json(text, "ascii")) == text
    assert for_json(text, "latin-1").encode("latin-1")


@given(anything, st.integers(0, 400))
def test_messages_are_one_line_of_bounded_length(text, times):
    message = one_line(text * times + "; do this")
    assert len(message.splitlines()) <= 1 and len(message) <= 1000
    assert message.endswith("do this")
    assert one_line(message) == message
    assert len(quoted(text * times)) <= 80


def test_errors_are_bounded_whoever_raises_them():
    for error in (UsageError, SourceError):
        message = str(error("x" * 300_000 + "\n\x1b[31m; expected less"))
        assert len(message) <= 1000 and message.endswith(r"\x1b[31m; expected less")


def test_nested_values_are_quoted_in_a_bounded_piece():
    value = []
    for _ in range(900):
        value = [value] * 2
    assert len(quoted(value)) <= 80
    assert len(quoted({f"key {i}": "x" * 1000 for i in range(1000)})) <= 80


def test_long_lists_say_how_many_more():
    assert listed(map(str, range(3))) == "0, 1, 2"
    assert listed(map(str, range(1234)), most=2) == "0, 1 and 1,232 more"
    assert len(listed(["x" * 10_000] * 100)) < 1000


class Texts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = "", []

    def handle_data(self, data):
        self.found += data

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '"x" onclick="y"', "'"])
def test_html_shows_the_text_and_has_no_tags_of_it(text):
    page = Texts()
    page.feed(f'<p title="{for_html(text)}">{for_html(text)}</p>')
    assert page.found == text and page.tags == [("p", {"title": text})]


def test_markdown():
    assert for_markdown("a|b") == r"a\|b"
    assert for_markdown("<script>&amp;") == "&lt;script&gt;&amp;amp;"
    assert for_markdown("_a_ *b* `c` [d](e) $x$ C#") == r"\_a\_ \*b\* \`c\` \[d\](e) \$x\$ C\#"
    assert for_markdown("nw_ucla -1.5 très") == "nw_ucla -1.5 très"
    assert for_markdown("two\nlines") == r"two\\nlines"
    assert markdown_code("a ``b`` c`") == "``` a ``b`` c` ```"
    assert markdown_code("a|b", in_table=True) == r"`a\|b`"


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-", "'=1"]
NUMBERS = ["-1.5", "+3", "-1e-7", "-inf", "1.5", ".5"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_text_in_csv_and_can_be_had_back(text):
    cell = for_csv(text)
    assert cell.startswith("'")
    if is_shown(text):
        assert from_csv(cell) == text


@pytest.mark.parametrize("text", [*NUMBERS, "a=b", "'tis", "it's", "", " =1", -1.5, None])
def test_anything_else_stays_as_it_is_in_csv(text):
    assert for_csv(text) == text
    if isinstance(text, str):
        assert from_csv(text) == text


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], include_characters="\n\t")))
def test_a_cell_of_csv_gives_back_its_text(text):
    file = io.StringIO(newline="")
    csv.writer(file).writerow([for_csv(text)])
    ((cell,),) = csv.reader(io.StringIO(file.getvalue(), newline="")) if text else (("",),)
    assert from_csv(cell) == text


def test_csv_keeps_line_ends_and_nothing_that_steers():
    assert for_csv("a\r\nb\nc\td") == "a\r\nb\nc\td"
    assert for_csv("a\rb\x1b[1m") == r"a\rb\x1b[1m"


def test_a_shell_reads_the_words_of_a_command():
    words = ["a b", "$x", "it's", "two\nlines", "\x1b[1m'\\", "caf\udce9", "=c|", ""]
    line = for_shell(["printf", "%s\\0", *words])
    assert line.isprintable()
    printed = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert printed.decode(errors="surrogateescape").split("\0")[:-1] == words


def test_pictures_have_no_mathematics_in_names():
    from matplotlib.cbook import is_math_text

    for name in ("$5$", "$$", r"\$a$", "a$b$c$d"):
        shown = for_picture(name)
        assert not is_math_text(shown) and shown.replace(r"\$", "$") == name
    assert len(for_picture("x" * 1000)) == 60

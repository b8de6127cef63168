"""The Markdown files of the repository: their code blocks, commands, links and headings."""

import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What CONTRIBUTING.md adds to the project; `test_contributing.py` runs it.
_ADDED = re.compile(r"^<!-- (?:file|line): .*? -->\n```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Document:
    """A Markdown file.

    Args:
        path: its path, relative to the repository.
    """

    def __init__(self, path):
        self.path = ROOT / path
        self.name = path
        self.text = _ADDED.sub("", self.path.read_text(encoding="utf-8"))

    def blocks(self, language):
        """Returns the code blocks of a language; `""` are those without one: command lines."""
        return [block for kind, block in _FENCED.findall(self.text) if kind == language]

    @functools.cached_property
    def lines(self):
        """The command lines, each in one piece."""
        commands = "".join(self.blocks("")).replace("\\\n", " ")
        return [" ".join(line.split()) for line in commands.splitlines()]

    @functools.cached_property
    def prose(self):
        """The text without its code blocks."""
        return _FENCED.sub("", self.text)

    @functools.cached_property
    def links(self):
        """The targets of the links and pictures."""
        return _LINK.findall(self.prose)

    @functools.cached_property
    def anchors(self):
        """What a link to a heading ends in, as GitHub makes it."""
        headings = (heading.lower() for heading in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in headings}


def documents():
    """Returns the `Document`s of the repository.

    The runs that the first ones leave are those that the others use.
    """
    first = ["README.md", "nrnm_keras/tasks/README.md", "nrnm_keras/train/README.md"]
    folders = ("nrnm_keras", "pipelines", "configs", "notebooks")
    paths = [*ROOT.glob("*.md"), *(p for folder in folders for p in (ROOT / folder).rglob("*.md"))]
    names = sorted(path.relative_to(ROOT).as_posix() for path in paths)
    return [Document(name) for name in (*first, *(name for name in names if name not in first))]

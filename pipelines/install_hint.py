"""How to install an optional part of this project."""

import importlib.metadata

_PROJECT = "nrnm-keras"  # which no package index has
_REPOSITORY = ("repository", "source", "source code")  # names of the URL in pyproject.toml


def install_hint(extra: str) -> str:
    """Returns the command that installs the packages of an extra.

    Args:
        extra: one of the optional dependencies in `pyproject.toml`.

    Example:

    >>> install_hint("plot").startswith('pip install "')
    True
    """
    try:
        urls = importlib.metadata.metadata(_PROJECT).get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:  # run from a clone
        urls = []
    for label, _, url in (each.partition(", ") for each in urls):
        if label.lower() in _REPOSITORY:
            return f'pip install "{_PROJECT}[{extra}] @ git+{url}"'
    return f'pip install ".[{extra}]" in a clone of {_PROJECT}'

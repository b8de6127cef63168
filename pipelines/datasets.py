"""Finds the data sets: each is a folder of this package that holds a `builder.py`.

The class in `builder.py` has the folder's name in CamelCase: `NwUcla` in `nw_ucla/builder.py`.
Nothing else lists the data sets. A new folder is found by its presence, in this package's folder or
in any other on `pipelines.__path__`.
"""

import importlib
import pathlib
from typing import Any

import pipelines
from pipelines.errors import SourceError
from pipelines.escaping import quoted

_BUILDER = "builder.py"


def dataset_names() -> list[str]:
    """Returns the names of all data sets, in alphabetical order. Imports none of them.

    Example:

    >>> "imdb" in dataset_names()
    True
    """
    folders = (path.parent for root in pipelines.__path__ for path in _builders(root))
    return sorted({folder.name for folder in folders if folder.name.isidentifier()})


def builder_class(dataset: str) -> Any:
    """Imports a data set's builder and returns its class.

    Args:
        dataset: a name in `dataset_names()`.

    Raises:
        SourceError: if there is no such data set, or its `builder.py` does not define the class.

    Example:

    >>> builder_class("nw_ucla").__name__
    'NwUcla'
    """
    names = dataset_names()
    if dataset not in names:
        raise SourceError(f"unknown data set {quoted(dataset)}; expected one of {', '.join(names)}")
    module = importlib.import_module(f"pipelines.{dataset}.builder")
    name = "".join(word.capitalize() for word in dataset.split("_"))
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise SourceError(
            f"{module.__file__}: no class {name}; expected the builder of the data set {dataset} "
            "under this name"
        ) from error


def description(dataset: str) -> str:
    """Returns the first line of the docstring of a data set's folder."""
    text = importlib.import_module(f"pipelines.{dataset}").__doc__ or ""
    return text.partition("\n")[0]


def _builders(root):
    return pathlib.Path(root).glob(f"*/{_BUILDER}")

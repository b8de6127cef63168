"""Public names of packages that are imported on first use: commands start without TensorFlow."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def getter(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Returns a package's `__getattr__`, which imports a public name on first use.

    Args:
        package: name of the package.
        modules: for each name, the module that defines it.

    Example:

    >>> getter("nrnm_keras.inference", {"Stopped": "nrnm_keras.errors"})("Stopped").__name__
    'Stopped'
    """

    def get(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(modules[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get

"""Importing Keras in a command: as late as possible, as it takes seconds."""

import importlib.util
import os

from nrnm_keras.errors import UsageError
from pipelines import library_logs
from pipelines.escaping import one_line, quoted
from pipelines.install_hint import install_hint

_BACKENDS = ("tensorflow", "jax", "torch")
_VARIABLE = "KERAS_BACKEND"
_LONGEST = 200  # characters of another library's words


def import_keras() -> None:
    """Imports Keras, its backend, and the classes that make saved models loadable.

    Commands call it once their flags are checked. What the libraries log is hidden unless
    `--verbose` is given.

    Raises:
        UsageError: if there is no such backend, or its package is not installed.
    """
    backend = os.environ.get(_VARIABLE)
    if backend:
        _check(backend)
    library_logs.import_tensorflow()
    importlib.import_module("tensorflow")
    try:
        importlib.import_module("keras")
    except (ImportError, ValueError) as error:  # the backend may be that of ~/.keras/keras.json
        given = f"{_VARIABLE}={backend}" if backend else "the backend in Keras's keras.json"
        raise UsageError(f"{given} cannot be imported: {one_line(error, _LONGEST)}") from error
    from nrnm_keras import layers, models, preprocessing  # noqa: F401


def _check(backend):
    if backend not in _BACKENDS:
        expected = f"{', '.join(_BACKENDS[:-1])} or {_BACKENDS[-1]}"
        raise UsageError(f"{_VARIABLE}={quoted(backend)}; expected {expected}")
    if importlib.util.find_spec(backend) is None:
        raise UsageError(
            f"{_VARIABLE}={backend}, but {backend} is not installed: {install_hint(backend)}, or "
            f"use {_VARIABLE}=tensorflow"
        )

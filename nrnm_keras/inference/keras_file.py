"""Loading of `.keras` files that may be damaged, or from another program."""

import os

import keras

from nrnm_keras.errors import UsageError

_LONGEST = 300


def load_keras_file(path: str | os.PathLike) -> keras.Model:
    """Returns the Keras model in a file, loaded in Keras's safe mode and not compiled.

    Raises:
        UsageError: if the file cannot be loaded.
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, HDF5 and zipfile raise many kinds for damaged files
        raise cannot_be_loaded(path, error) from error


def cannot_be_loaded(path: str | os.PathLike, error: Exception) -> UsageError:
    """Returns the `UsageError` for a file that cannot be loaded."""
    reason = " ".join((str(error) or type(error).__name__).split())
    if len(reason) > _LONGEST:
        reason = f"{reason[: _LONGEST - 3]}..."
    return UsageError(f"{path} cannot be loaded: {reason}")

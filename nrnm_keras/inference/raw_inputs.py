"""A user's files as raw input of a model."""

import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities import MODALITIES, Inputs
from nrnm_keras.inference.modalities.modality import ReadOptions
from pipelines.escaping import quoted

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


def one_text(text: str, trained: "TrainedModel") -> Inputs:
    """Returns `Inputs` of a text, which must not be empty, for a `TrainedModel`."""
    return trained.modality.one_text(text)


def read_inputs(
    path: str | os.PathLike,
    trained: "TrainedModel",
    ntu_bodies: str = "tracked",
    limit: int | None = None,
    columns: Mapping[str, str | None] | None = None,
) -> Inputs:
    """Returns `Inputs` from a file or folder.

    Files of many texts or sequences are read once to count and check them before any prediction.
    The files of a folder are only listed.

    Args:
        path: a file with one of the suffixes of the model's `Modality`; or, for skeletons, a
            folder with such files at any depth. Hidden files are skipped.
        trained: the `TrainedModel` that they are for.
        ntu_bodies: how two bodies are chosen in `.skeleton` files, a key of `BODIES`.
        limit: integer, bytes of the largest skeleton file, record of text, line of a .ts file, or
            arrays of an .npz file. Default: a suitable limit for each.
        columns: names of columns of a table, by those of the flags `text_column`, `id_column`,
            `time_column` and `label_column` that the model's input has. Default: the usual names.

    Raises:
        UsageError: if nothing is at the path, or the model does not take it.
        SourceError: if a file cannot be read.
    """
    modality, path = trained.modality, pathlib.Path(path).expanduser()
    given = {flag: name for flag, name in (columns or {}).items() if name is not None}
    for flag in given.keys() - set(modality.column_flags):
        raise UsageError(f"--{flag} is not for a model that takes {modality.plural}")
    options = ReadOptions(ntu_bodies, limit, given)
    if not os.path.exists(path):  # `Path.exists` raises an error if the name is too long
        raise UsageError(f"{path}: no such file or folder")
    if path.is_dir():
        return modality.read_folder(path, options)
    suffix = path.suffix.lower()
    if suffix in modality.suffixes:
        return modality.read(path, options)
    for other in MODALITIES:
        if suffix in other.suffixes:
            raise UsageError(
                f"{path} has {other.plural}, but the model takes {modality.plural}; expected "
                f"{', '.join(modality.suffixes)}"
            )
    known = dict.fromkeys(suffix for each in MODALITIES for suffix in each.suffixes)
    raise UsageError(f"{path}: file type {quoted(suffix)}; expected one of {', '.join(known)}")

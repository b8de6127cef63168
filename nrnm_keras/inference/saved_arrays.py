"""Reading arrays from `.npz` files that may be damaged or belong to another network."""

import itertools
import os
import zipfile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from pipelines.escaping import one_line

if TYPE_CHECKING:
    import keras

_LONGEST = 200


class DamagedError(ValueError):
    """A file is damaged. The message follows the file's name, as in "is cut off"."""


class Form(NamedTuple):
    """The shape and the type of an array."""

    shape: tuple
    dtype: str


def form_of(variable: "keras.Variable") -> Form:
    """Returns the `Form` of a Keras variable's value."""
    import keras

    return Form(tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype))


def read_arrays(file: str | os.PathLike | BinaryIO) -> dict[str, np.ndarray]:
    """Returns the arrays of a `.npz` file by name. Arrays of Python objects are refused.

    The file must be uncompressed, as `np.savez` writes it. So the arrays take no more memory than
    the file.

    Args:
        file: path, or a file open for reading bytes.

    Raises:
        DamagedError: if the file cannot be read, or is not such a file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            arrays = dict(_read_member(archive, member) for member in members)
    except DamagedError:
        raise
    except OSError as error:
        raise DamagedError(f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile and NumPy raise a dozen undocumented kinds
        raise DamagedError(f"is damaged: {shortened(error)}") from error
    if len(arrays) < len(members):
        raise DamagedError("holds two arrays of the same name")
    return arrays


def _read_member(archive, member):
    name = member.filename.removesuffix(".npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise DamagedError(f"holds compressed data ({shortened(name)})")
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # the checksum is compared only at the end of the file
            raise DamagedError(f"holds more than an array ({shortened(name)})")
    return name, array


def check_arrays(arrays: dict[str, np.ndarray], forms: dict[str, Form] | None = None) -> None:
    """Checks that arrays are finite numbers with the right names, shapes and types.

    Args:
        arrays: arrays by name.
        forms: the expected `Form`s by name. Default: names, shapes and types are not checked.

    Raises:
        DamagedError: if they are not.
    """
    if forms is not None:
        _check_forms(arrays, forms)
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise DamagedError(f"holds {array.dtype} instead of numbers ({shortened(name)})")
        if not np.isfinite(array).all():
            raise DamagedError(f"holds a value that is not finite ({shortened(name)})")


def _check_forms(arrays, forms):
    if arrays.keys() == forms.keys():
        arrays = {name: arrays[name] for name in forms}
    found = {name: Form(array.shape, array.dtype.name) for name, array in arrays.items()}
    # If the number of arrays differs, the shapes say more than the names.
    names = [("arrays named", list)] if len(found) == len(forms) else []
    for what, values_of in (
        *names,
        ("variables of shapes", lambda x: [form.shape for form in x.values()]),
        ("variables of types", lambda x: [form.dtype for form in x.values()]),
    ):
        there, expected = values_of(found), values_of(forms)
        if there != expected:
            pairs = enumerate(itertools.zip_longest(there, expected))
            first = next(place for place, (one, other) in pairs if one != other)
            raise DamagedError(
                f"holds {what} {_from(first, there)}; expected {_from(first, expected)}"
            )


def _from(first, values):
    """Describes the values of a list from the first difference on."""
    return shortened(f"{f'({first} equal), ' if first else ''}{values[first:]}")


def shortened(text: object) -> str:
    """Returns a text, or an error's message, as one line of bounded length."""
    if isinstance(text, Exception):
        text = str(text) or type(text).__name__
    return one_line(text, _LONGEST)

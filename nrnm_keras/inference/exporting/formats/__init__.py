"""The formats that a trained model is exported to, a module each, which is found without a list.

A module has:

- `write(trained, folder, quantize)`: writes files and returns the `Signature`s in them by name, and
  why others are missing, by name. Raises a `UsageError` for a model that the format cannot have.
- `load(folder)`: returns a function from a signature's name and its inputs by name, NumPy arrays,
  to its outputs by name. The export is checked with it, in a process of its own, and the model card
  shows its source: it imports what it needs.
- `TOLERANCES`: how the weights can be kept, None for as they are, -> the largest difference from
  the Keras model that is allowed: of a probability, or relative to a number larger than 1.
- `WHY_NOT_QUANTIZED`: what a refusal says of any other way.
- `NEEDS_LIBRARY`: whether `load` needs nrnm_keras; `GIVES_EMPTY`: whether a result may have no
  size, such as the tags of no steps; `REFUSES_NAN`: whether a call ends with an error if the model
  gives no number.

At its top a module imports the standard library alone: the process that checks has nothing else.
"""

import importlib
import pkgutil
from types import ModuleType

from nrnm_keras.errors import UsageError


def find_formats() -> dict[str, ModuleType]:
    """Returns the modules of all formats by name.

    Example:

    >>> sorted(find_formats())
    ['keras', 'litert', 'onnx', 'saved_model']
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def find_format(name: str, quantize: str | None = None) -> ModuleType:
    """Returns the module of a format.

    Raises:
        UsageError: if there is none, or it does not have such weights.
    """
    formats = find_formats()
    if name not in formats:
        raise UsageError(f"--format={name} is none of {', '.join(formats)}")
    if quantize not in formats[name].TOLERANCES:
        reason = formats[name].WHY_NOT_QUANTIZED
        raise UsageError(f"--quantize={quantize} is not for --format={name}: {reason}")
    return formats[name]

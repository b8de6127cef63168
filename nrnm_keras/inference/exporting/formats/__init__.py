"""Export formats. Each is a module of this package, which `find_formats` finds.

A module has:

- `write(trained, folder, quantize)`: writes files and returns two dictionaries by name: the
  `Signature`s that were written, and the reasons why others are missing. Raises a `UsageError` if
  the format does not support the model.
- `load(folder)`: returns a function from a signature's name and its inputs by name, NumPy arrays,
  to its outputs by name. It checks the export in a separate process, and the model card shows its
  source. So it must import what it needs.
- `TOLERANCES`: dictionary from the type of stored weights, None for unchanged, to the largest
  difference from the Keras model that is allowed, relative for numbers larger than 1.
- `WHY_NOT_QUANTIZED`: why other types are refused.
- `NEEDS_LIBRARY`: whether `load` needs nrnm_keras.
- `GIVES_EMPTY`: whether a result may be empty, such as the tags of a sequence without steps.
- `REFUSES_NAN`: whether a call raises an error if a result is NaN.

At its top level a module imports only the standard library, as the checking process has no more.
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
        UsageError: if there is no such format, or it does not support this quantization.
    """
    formats = find_formats()
    if name not in formats:
        raise UsageError(f"--format={name}; expected one of {', '.join(formats)}")
    if quantize not in formats[name].TOLERANCES:
        reason = formats[name].WHY_NOT_QUANTIZED
        raise UsageError(f"--quantize={quantize} is not supported by --format={name}: {reason}")
    return formats[name]

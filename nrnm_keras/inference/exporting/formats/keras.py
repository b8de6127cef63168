"""The Keras model itself."""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

TOLERANCES = {None: 1e-5}
WHY_NOT_QUANTIZED = (
    "TensorFlow's recurrent layers compute with unquantized weights; litert and onnx support "
    "quantized weights"
)
NEEDS_LIBRARY = True
GIVES_EMPTY = True
REFUSES_NAN = False


def write(
    trained: "TrainedModel", folder: pathlib.Path, quantize: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes the Keras model from raw input."""
    from nrnm_keras.inference.exporting import signatures
    from nrnm_keras.inference.run_folder import RunFolder

    trained.model.save(folder / RunFolder.MODEL)
    return {"serve": signatures.serve(trained)}, {}


def load(folder: pathlib.Path) -> "Callable[..., dict[str, Any]]":
    """Returns a function from a signature's name and inputs by name to outputs by name."""
    import keras

    # Registers the classes of the model's layers.
    import nrnm_keras.models
    import nrnm_keras.preprocessing  # noqa: F401

    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)

    def run(_, inputs):
        raw = [keras.ops.convert_to_tensor(x) for x in inputs.values()]
        outputs = model(raw[0] if len(raw) == 1 else raw)
        return {name: keras.ops.convert_to_numpy(x) for name, x in outputs.items()}

    return run

"""SavedModel, for TensorFlow and TensorFlow Serving."""

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
NEEDS_LIBRARY = False
GIVES_EMPTY = True
REFUSES_NAN = True


def write(
    trained: "TrainedModel", folder: pathlib.Path, quantize: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes a SavedModel with signatures for raw input, preprocessed tensors and steps."""
    from nrnm_keras.inference.exporting import signatures
    from nrnm_keras.inference.exporting.graphs import save_graphs

    written = {"serve": signatures.serve(trained), "features": signatures.features(trained)}
    step = signatures.step_of_tokens if trained.modality.lookup else signatures.step
    missing = signatures.add_step(written, step, trained)
    written = {name: signatures.of_numbers(each) for name, each in written.items()}
    if not missing:
        written["initial_state"] = signatures.initial_state(trained)
    functions = {name: signature.function for name, signature in written.items()}
    # TensorFlow Serving expects a version number in a model's folder.
    save_graphs(trained.model, functions, folder / "1")
    return written, missing


def load(folder: pathlib.Path) -> "Callable[..., dict[str, Any]]":
    """Returns a function from a signature's name and inputs by name to outputs by name."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / "1"))

    def run(name, inputs):
        outputs = loaded.signatures[name](**{n: tf.constant(x) for n, x in inputs.items()})
        return {n: x.numpy() for n, x in outputs.items()}

    return run

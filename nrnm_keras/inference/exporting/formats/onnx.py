"""ONNX, a file for each signature."""

import logging
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

TOLERANCES = {None: 1e-5, "int8": 5e-2}
WHY_NOT_QUANTIZED = (
    "ONNX would also compute in float16, which accumulates errors over hundreds of steps; int8 is "
    "supported"
)
NEEDS_LIBRARY = False
GIVES_EMPTY = True
REFUSES_NAN = False

_OPSET = 18


def write(
    trained: "TrainedModel", folder: pathlib.Path, quantize: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes the signatures. With int8, weights have 8 bits; computation is in float32."""
    from nrnm_keras.inference.exporting import signatures
    from nrnm_keras.inference.exporting.packages import require

    require("onnx", "tf2onnx", "onnxruntime")
    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    tf.get_logger().setLevel(logging.ERROR)  # it warns of the tables, which are not converted
    written = {"features": signatures.features(trained)}
    missing = signatures.add_step(written, signatures.step, trained)
    written = {name: signatures.of_any_batch(each) for name, each in written.items()}
    for name, signature in written.items():
        path = folder / f"{name}.onnx"
        specs = [tf.TensorSpec(s.shape, s.dtype, n) for n, s in signature.inputs.items()]
        tf2onnx.convert.from_function(
            signature.function, specs, opset=_OPSET, output_path=str(path)
        )
        if quantize:
            _quantize(path)
    return written, {**missing, "serve": signatures.why_no_serve(trained, "ONNX")}


def _quantize(path):
    from onnxruntime.quantization import quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it logs advice
    quantize_dynamic(path, path, extra_options={"EnableSubgraph": True})


def load(folder: pathlib.Path) -> "Callable[..., dict[str, Any]]":
    """Returns a function from a signature's name and inputs by name to outputs by name."""
    import onnxruntime

    sessions = {p.stem: onnxruntime.InferenceSession(str(p)) for p in folder.glob("*.onnx")}

    def run(name, inputs):
        names = [output.name for output in sessions[name].get_outputs()]
        return dict(zip(names, sessions[name].run(names, inputs), strict=True))

    return run

"""LiteRT (TensorFlow Lite), a file for each signature."""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

TOLERANCES = {None: 1e-5, "float16": 5e-3, "int8": 5e-2}
WHY_NOT_QUANTIZED = "litert has int8 and float16"
NEEDS_LIBRARY = False
GIVES_EMPTY = False
REFUSES_NAN = False


def write(
    trained: "TrainedModel", folder: pathlib.Path, quantize: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes the signatures. `quantize` applies to stored weights; computation is in float32."""
    from nrnm_keras.errors import UsageError
    from nrnm_keras.inference.exporting import signatures
    from nrnm_keras.inference.exporting.loop_of_steps import in_a_loop_of_steps
    from nrnm_keras.inference.exporting.packages import require

    require("litert", "ai_edge_litert")
    try:
        run_head = in_a_loop_of_steps(trained)
    except ValueError as error:
        raise UsageError(
            "--format=litert: LiteRT has no loops that collect their outputs, so the network must "
            f"run step by step. {error} Train with --nobidirectional, or export to onnx"
        ) from error
    written = {"features": signatures.features(trained, run_head)}
    missing = signatures.add_step(written, signatures.step, trained, batch_size=1)
    for name, signature in written.items():
        content = _convert(trained.model, name, signature, quantize)
        (folder / f"{name}.tflite").write_bytes(content)
    return written, {**missing, "serve": signatures.why_no_serve(trained, "LiteRT")}


def _convert(model, name, signature, quantize):
    import tensorflow as tf

    from nrnm_keras.inference.exporting.graphs import module_of

    graph = signature.function.get_concrete_function()
    module = module_of(model, {name: signature.function})
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], module)
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def load(folder: pathlib.Path) -> "Callable[..., dict[str, Any]]":
    """Returns a function from a signature's name and inputs by name to outputs by name."""
    from ai_edge_litert.interpreter import Interpreter

    interpreters = {p.stem: Interpreter(str(p)) for p in folder.glob("*.tflite")}
    runners = {name: each.get_signature_runner() for name, each in interpreters.items()}
    return lambda name, inputs: runners[name](**inputs)

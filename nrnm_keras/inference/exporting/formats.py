"""The formats that a trained model is exported to: one writer each."""

import importlib.util
import logging

import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting import signatures
from nrnm_keras.inference.exporting.graphs import module_of, save_graphs
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TEXT

_OPSET = 18
_NO_SERVE = "texts and labels are strings, which {} has no operations for"
# The version of a model that TensorFlow Serving looks for in a model's folder.
_VERSION = "1"


def write_saved_model(trained, folder, quantize):
    """Writes a SavedModel with raw input, preprocessed tensors and steps.

    Args:
        trained: a `TrainedModel`.
        folder: path that gets the files.
        quantize: None.

    Returns:
        The `Signature`s by name, and why others are missing, by name.
    """
    _refuse_quantization("saved_model", quantize)
    written = {"serve": signatures.serve(trained), "features": signatures.features(trained)}
    step = signatures.step_of_tokens if trained.kind == TEXT else signatures.step
    missing = _add_step(written, step, trained)
    written = {name: signatures.of_numbers(each) for name, each in written.items()}
    if not missing:
        written["initial_state"] = signatures.initial_state(trained)
    functions = {name: signature.function for name, signature in written.items()}
    save_graphs(trained.model, functions, folder / _VERSION)
    return written, missing


def write_keras(trained, folder, quantize):
    """Writes the Keras model from raw input; the arguments are those of `write_saved_model`."""
    _refuse_quantization("keras", quantize)
    trained.model.save(folder / RunFolder.MODEL)
    return {"serve": signatures.serve(trained)}, {}


def write_onnx(trained, folder, quantize):
    """Writes an ONNX file for each signature; the arguments are those of `write_saved_model`.

    Args:
        quantize: None, or `"int8"`: weights of 8 bits, computations in float32.

    Raises:
        UsageError: if the packages are missing, or for float16.
    """
    _require("onnx", "tf2onnx", "onnxruntime")
    import tf2onnx

    if quantize == "float16":
        raise UsageError(
            "--quantize=float16 is not for --format=onnx: what ONNX converts to float16 it also "
            "computes in float16, and a loop over hundreds of steps adds up the errors; int8 is"
        )
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    tf.get_logger().setLevel(logging.ERROR)  # it warns of the tables, which are not converted
    written = {"features": signatures.features(trained)}
    missing = _add_step(written, signatures.step, trained)
    written = {name: signatures.of_any_batch(each) for name, each in written.items()}
    for name, signature in written.items():
        path = folder / f"{name}.onnx"
        specs = [tf.TensorSpec(s.shape, s.dtype, n) for n, s in signature.inputs.items()]
        tf2onnx.convert.from_function(
            signature.function, specs, opset=_OPSET, output_path=str(path)
        )
        if quantize:
            _quantize_onnx(path)
    _write_vocabulary(trained, folder)
    return written, {**missing, "serve": _NO_SERVE.format("ONNX")}


def write_litert(trained, folder, quantize):
    """Writes a LiteRT file for each signature; the arguments are those of `write_saved_model`.

    Args:
        quantize: None, `"int8"` or `"float16"`: how the weights are kept. Computed is in float32.

    Raises:
        UsageError: if the package is missing, or the network needs whole sequences.
    """
    _require("litert", "ai_edge_litert")
    try:
        classify = signatures.in_a_loop_of_steps(trained.classifier)
    except ValueError as error:
        raise UsageError(
            "--format=litert: LiteRT has no loops that collect their outputs, so that the network "
            f"must go step by step. {error} Train with --nobidirectional, or export to onnx"
        ) from error
    written = {"features": signatures.features(trained, classify)}
    missing = _add_step(written, signatures.step, trained, batch_size=1)
    for name, signature in written.items():
        graph = signature.function.get_concrete_function()
        module = module_of(trained.model, {name: signature.function})
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], module)
        if quantize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    _write_vocabulary(trained, folder)
    return written, {**missing, "serve": _NO_SERVE.format("LiteRT")}


FORMATS = {
    "saved_model": write_saved_model,
    "onnx": write_onnx,
    "litert": write_litert,
    "keras": write_keras,
}


def _add_step(written, make, *arguments, **options):
    """Adds the signature `step`, if there can be one; returns why not, by its name."""
    try:
        written["step"] = make(*arguments, **options)
    except ValueError as error:
        return {"step": str(error)}
    return {}


def _refuse_quantization(name, quantize):
    if quantize:
        raise UsageError(
            f"--quantize={quantize} is not for --format={name}: TensorFlow's recurrent layers "
            "compute with the weights that were trained; litert and onnx have quantized ones"
        )


def _require(extra, *packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--format={extra} needs {' and '.join(missing)}: pip install 'nrnm-keras[{extra}]'"
        )


def _quantize_onnx(path):
    from onnxruntime.quantization import quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises
    quantize_dynamic(path, path, extra_options={"EnableSubgraph": True})


def _write_vocabulary(trained, folder):
    """Writes the tokens of a text model in the order of their ids, one a line."""
    if trained.text_preprocessor:
        tokens = trained.text_preprocessor.vocabulary
        (folder / "vocabulary.txt").write_text("".join(f"{t}\n" for t in tokens), encoding="utf-8")

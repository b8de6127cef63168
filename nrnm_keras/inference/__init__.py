"""Inference: using a finished run of any task from Python. Needs TensorFlow.

Example, with a run that the command `train` has finished:

    from nrnm_keras.inference import TrainedModel

    trained = TrainedModel.load("runs/reviews")
    trained.predict(["Well worth a second look.", "So dull."])["label"]
    trained.attention("Well worth a second look.")
    trained.export("onnx", "exported")
    trained.streams().push({"a reader": "Well worth"})
"""

import importlib

_MODULES = {
    "Streams": "nrnm_keras.inference.streaming",
    "TrainedModel": "nrnm_keras.inference.trained_model",
}

__all__ = ["Streams", "TrainedModel"]


def __getattr__(name):
    """Imports a public name on first use: run folders can be read without TensorFlow."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

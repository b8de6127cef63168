"""Inference: using a finished run of any task from Python. Needs TensorFlow.

Example, with a run that the command `train` has finished:

    from nrnm_keras.inference import TrainedModel

    trained = TrainedModel.load("runs/reviews")
    trained.predict(["Well worth a second look.", "So dull."])["label"]
    trained.attention("Well worth a second look.")
    trained.export("onnx", "exported")
    trained.streams().push({"a reader": "Well worth"})
"""

from typing import TYPE_CHECKING

from nrnm_keras import lazy

if TYPE_CHECKING:
    from nrnm_keras.inference.streaming import Streams
    from nrnm_keras.inference.trained_model import TrainedModel

__all__ = ["Streams", "TrainedModel"]
__getattr__ = lazy.getter(
    __name__,
    {
        "Streams": "nrnm_keras.inference.streaming",
        "TrainedModel": "nrnm_keras.inference.trained_model",
    },
)

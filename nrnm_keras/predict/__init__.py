"""Predictions for your own files: `predict_file` and its command."""

from typing import TYPE_CHECKING

from nrnm_keras import lazy

if TYPE_CHECKING:
    from nrnm_keras.predict.files import predict_file

__all__ = ["predict_file"]
__getattr__ = lazy.getter(__name__, {"predict_file": "nrnm_keras.predict.files"})

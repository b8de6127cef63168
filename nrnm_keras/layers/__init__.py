"""The model's parts, in keras.ops only: they run on any Keras backend."""

from nrnm_keras.layers.nrnm import NRNM
from nrnm_keras.layers.nrnm_cell import NRNMCell

__all__ = ["NRNM", "NRNMCell"]

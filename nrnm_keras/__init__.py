"""Non-local Recurrent Neural Memory for Keras 3: a recurrent layer that remembers."""

from nrnm_keras.layers import NRNM, NRNMCell

__all__ = ["NRNM", "NRNMCell"]
__version__ = "0.1.0"

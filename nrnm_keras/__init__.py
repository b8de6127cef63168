"""Non-local Recurrent Neural Memory for Keras 3: a recurrent layer that remembers."""

from pipelines import library_logs

# Before Keras imports TensorFlow.
library_logs.import_tensorflow()

from nrnm_keras.layers import NRNM, NRNMCell  # noqa: E402

__all__ = ["NRNM", "NRNMCell"]
__version__ = "0.1.0"

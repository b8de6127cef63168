"""Non-local Recurrent Neural Memory for Keras 3: a recurrent layer that remembers."""

from pipelines import library_logs

# Before Keras imports TensorFlow.
library_logs.import_tensorflow()

# All are imported, because the classes that they register make every saved model loadable.
from nrnm_keras import layers, models, preprocessing  # noqa: E402
from nrnm_keras.layers import NRNM, NRNMCell  # noqa: E402

__all__ = ["NRNM", "NRNMCell", "layers", "models", "preprocessing"]
__version__ = "0.1.0"

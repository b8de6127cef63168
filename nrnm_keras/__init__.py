"""Non-local Recurrent Neural Memory for Keras 3: a recurrent layer that remembers."""

from typing import TYPE_CHECKING

from nrnm_keras import lazy
from pipelines import library_logs

# A command imports Keras only when its flags are checked: see `commands.libraries`.
if TYPE_CHECKING or not library_logs.is_command():
    # Before Keras imports TensorFlow.
    library_logs.import_tensorflow()

    # All are imported, because the classes that they register make every saved model loadable.
    from nrnm_keras import layers, models, preprocessing
    from nrnm_keras.layers import NRNM, NRNMCell

__all__ = ["NRNM", "NRNMCell", "layers", "models", "preprocessing"]
__version__ = "0.1.0"
__getattr__ = lazy.getter(__name__, dict.fromkeys(("NRNM", "NRNMCell"), "nrnm_keras.layers"))

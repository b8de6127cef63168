"""The weights of a run's best epoch, as the training loop leaves them for the end."""

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import DamagedError, check_arrays, form_of, read_arrays


def read_best_weights(folder: RunFolder, network: keras.Model) -> list[np.ndarray]:
    """Returns the list of arrays, for `network.set_weights`.

    Args:
        folder: the `RunFolder`.
        network: the Keras model that they are for.

    Raises:
        UsageError: if they are missing, damaged, or another network's.
    """
    path = folder / folder.BEST
    # The names that `np.savez` gives to arrays without one.
    forms = {f"arr_{i}": form_of(variable) for i, variable in enumerate(network.weights)}
    try:
        arrays = read_arrays(path)
        check_arrays(arrays, forms)
    except DamagedError as error:
        raise UsageError(
            f"{path} {error}; without the weights of its best epoch the run cannot go on: "
            "--overwrite trains it again"
        ) from error
    return [arrays[name] for name in forms]

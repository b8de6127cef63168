"""The weights of a run's best epoch, which the training loop saves for the final test."""

import keras
import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import DamagedError, check_arrays, form_of, read_arrays


def read_best_weights(folder: RunFolder, network: keras.Model) -> list[np.ndarray]:
    """Returns the weights as a list of arrays, for `network.set_weights`.

    Args:
        folder: the `RunFolder`.
        network: the Keras model that the weights belong to.

    Raises:
        UsageError: if the file is missing, is damaged, or belongs to another network.
    """
    path = folder / folder.BEST
    # `np.savez` gives these names to unnamed arrays.
    forms = {f"arr_{i}": form_of(variable) for i, variable in enumerate(network.weights)}
    try:
        arrays = read_arrays(path)
        check_arrays(arrays, forms)
    except DamagedError as error:
        raise UsageError(
            f"{path} {error}; the run cannot be resumed without the weights of its best epoch; "
            "train it again with --overwrite"
        ) from error
    return [arrays[name] for name in forms]

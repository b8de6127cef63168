"""The inputs of models: a class for texts, one for skeletons, and so on."""

import keras

from nrnm_keras.inference.modalities.modality import Inputs, Modality
from nrnm_keras.inference.modalities.sequences import Sequences
from nrnm_keras.inference.modalities.skeletons import Skeletons
from nrnm_keras.inference.modalities.strings import Strings
from nrnm_keras.inference.modalities.text_pairs import TextPairs
from nrnm_keras.inference.modalities.texts import Texts
from nrnm_keras.inference.modalities.token_sequences import TokenSequences

MODALITIES = (Texts, Sequences, Skeletons, TextPairs, Strings, TokenSequences)

__all__ = ["MODALITIES", "Inputs", "Modality", "modality_of"]


def modality_of(model: keras.Model, network: keras.Sequential) -> Modality:
    """Returns the `Modality` of a model.

    Args:
        model: the Keras model from raw input.
        network: the `keras.Sequential` in it.

    Raises:
        ValueError: if the kind of its input is unknown.
    """
    for kind in MODALITIES:
        if kind.is_of(model):
            return kind(model, network)
    shapes = ", ".join(str(tuple(each.shape)) for each in model.inputs)
    raise ValueError(f"the model's input, of shape {shapes}, is of an unknown kind")

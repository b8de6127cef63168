"""The recurrent layers of a trained model with their inputs, by direction."""

from typing import NamedTuple

from keras import KerasTensor, layers

from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.layers import NRNM
from nrnm_keras.typing import Tensor


class Direction(NamedTuple):
    """A recurrent layer that runs in one direction.

    Attributes:
        name: the number of the layer from 1, and its direction if it is bidirectional.
        layer: the `NRNM` or `keras.layers.LSTM`.
        sequences: its input, `(1, timesteps, features)`.
        mask: booleans `(1, timesteps)`, or None.
    """

    name: str
    layer: layers.RNN
    sequences: KerasTensor
    mask: KerasTensor

    @property
    def has_memory(self) -> bool:
        """Whether the layer has a memory."""
        return isinstance(self.layer, NRNM)


def recurrent_directions(trained: TrainedModel, raw: Tensor) -> list[Direction]:
    """Returns every `Direction` of every recurrent layer, from the first layer on.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
    """
    sequences, mask = trained.classifier_inputs(raw)
    recurrent_layers = trained.classifier.backbone.recurrent_layers
    directions = []
    for number, layer in enumerate(recurrent_layers, start=1):
        name = f"layer {number}"
        ways = {name: layer}
        if isinstance(layer, layers.Bidirectional):
            ways = {f"{name}, forward": layer.forward_layer}
            ways[f"{name}, backward"] = layer.backward_layer
        directions += [Direction(name, way, sequences, mask) for name, way in ways.items()]
        if number < len(recurrent_layers):
            sequences = layer(sequences, mask=mask)
    return directions

"""The recurrent layers of a trained model with their inputs, by direction."""

from typing import TYPE_CHECKING, NamedTuple

from keras import KerasTensor, layers

from nrnm_keras.layers import NRNM
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:  # it has methods that call these
    from nrnm_keras.inference.trained_model import TrainedModel


class Direction(NamedTuple):
    """A recurrent layer that runs in one direction.

    Attributes:
        name: the layer's number from 1 and, if it is bidirectional, its direction; preceded by the
            part if the raw input has several.
        layer: the `NRNM` or `keras.layers.LSTM`.
        sequences: its input, `(1, timesteps, features)`.
        mask: booleans `(1, timesteps)`, or None.
        part: which part of the raw input it runs over: `""` but for pairs of texts.
    """

    name: str
    layer: layers.RNN
    sequences: KerasTensor
    mask: KerasTensor
    part: str = ""

    @property
    def has_memory(self) -> bool:
        """Whether the layer has a memory."""
        return isinstance(self.layer, NRNM)


def recurrent_directions(trained: "TrainedModel", raw: Tensor) -> list[Direction]:
    """Returns every `Direction` of every recurrent layer, from the first layer on.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
    """
    directions = []
    for part, (sequences, mask) in trained.backbone_inputs(raw).items():
        directions += _of_part(part, trained.backbone.recurrent_layers, sequences, mask)
    return directions


def _of_part(part, recurrent_layers, sequences, mask):
    directions, before = [], f"{part}, " if part else ""
    for number, layer in enumerate(recurrent_layers, start=1):
        name = f"{before}layer {number}"
        ways = {name: layer}
        if isinstance(layer, layers.Bidirectional):
            ways = {f"{name}, forward": layer.forward_layer}
            ways[f"{name}, backward"] = layer.backward_layer
        directions += [Direction(name, way, sequences, mask, part) for name, way in ways.items()]
        if number < len(recurrent_layers):
            sequences = layer(sequences, mask=mask)
    return directions

"""SequenceSimilarity: the similarity of two sequences."""

from typing import Any, NoReturn, Self

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, Tensor

_EPSILON = 1e-6


@keras.saving.register_keras_serializable(package="nrnm_keras")
class SequenceSimilarity(keras.Model):
    """A siamese network: the similarity of two sequences, encoded with the same weights.

    Args:
        encoder: Layer from sequences `(batch, timesteps, ...)` to vectors `(batch, features)`.
        mode: The similarity of vectors a and b. `"manhattan"`: exp(-sum |a - b|) (Mueller &
            Thyagarajan, AAAI 2016, section 3.1); `"cosine"`: (1 + cos(a, b)) / 2; `"head"`: a
            linear layer with a sigmoid on |a - b| and a * b.
        smallest: Float, the lowest similarity.
        largest: Float, the similarity of equal sequences.

    Call arguments:
        pairs: `(batch, timesteps, ..., 2)`, the two sequences stacked on the last axis.

    Returns:
        Similarities `(batch, 1)` from `smallest` to `largest`, in float32.

    Raises:
        ValueError: for an unknown mode.

    Example:

    >>> from nrnm_keras.models import SequencePooling
    >>> encoder = keras.Sequential([keras.layers.Embedding(9, 4), SequencePooling("mean")])
    >>> pairs = np.array([[[1, 1], [2, 2]], [[3, 1], [4, 2]]])
    >>> SequenceSimilarity(encoder)(pairs)[0].numpy().tolist()
    [1.0]
    """

    MODES = ("manhattan", "cosine", "head")

    def __init__(
        self,
        encoder: keras.Layer,
        mode: str = "manhattan",
        smallest: float = 0.0,
        largest: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in self.MODES:
            raise ValueError(
                f"Argument `mode` must be one of {self.MODES}. Received: mode={mode!r}"
            )
        self.encoder = encoder
        self.mode = mode
        self.smallest = smallest
        self.largest = largest
        self.head = None
        if mode == "head":
            self.head = layers.Dense(1, activation="sigmoid", dtype="float32", name="head")

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for pairs of shape `(batch, timesteps, ..., 2)`."""
        if not self.encoder.built:
            self.encoder.build(input_shape[:-1])
        if self.head:
            vectors = self.encoder.compute_output_shape(input_shape[:-1])
            self.head.build((vectors[0], 2 * vectors[-1]))
        self.built = True

    def call(self, pairs: Tensor, training: bool = False) -> Tensor:
        """Returns the similarities."""
        first, second = (
            ops.cast(self.encoder(sequences, training=training), "float32")
            for sequences in ops.unstack(pairs, num=2, axis=-1)
        )
        similarity = getattr(self, f"_{self.mode}")(first, second)
        return self.smallest + (self.largest - self.smallest) * similarity

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the similarities."""
        return (input_shape[0], 1)

    def initial_step_state(self, batch_size: int) -> NoReturn:
        """Raises a ValueError: two sequences can be compared only when both are complete."""
        raise ValueError("A pair of sequences is compared when both are complete.")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "mode": self.mode,
            "smallest": self.smallest,
            "largest": self.largest,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Creates a model from the config that `get_config` returned."""
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})

    def _manhattan(self, first, second):
        return ops.exp(-ops.sum(ops.abs(first - second), axis=-1, keepdims=True))

    def _cosine(self, first, second):
        product, first, second = (
            ops.sum(x, axis=-1, keepdims=True)
            for x in (first * second, first * first, second * second)
        )
        return (1 + product / ops.sqrt(ops.maximum(first * second, _EPSILON**2))) / 2

    def _head(self, first, second):
        compared = ops.concatenate([ops.abs(first - second), first * second], axis=-1)
        return self.head(compared)

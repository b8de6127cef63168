"""TransformerBackbone: what is used today in place of recurrent layers, to compare with."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class TransformerBackbone(layers.Layer):
    """A Transformer encoder: every step attends to all steps, in both directions.

    The inputs are embedded linearly, the positions by sines; layer normalisation comes first in
    each half of a layer. The layers are those of keras-hub.

    Args:
        units: Positive integer, the width; the feed-forward layers have four times as many.
        num_layers: Positive integer.
        num_heads: Positive integer; must divide `units`.
        dropout: Float in [0, 1), dropout of the attention and of each half's output.

    Attributes:
        recurrent_layers: None of its layers, an empty list.
        title: What the network is called in pictures.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to pass over: nothing attends to
            them, and positions count the others only.

    Returns:
        `(batch, timesteps, units)`.

    Raises:
        ValueError: if `units` is no multiple of `num_heads`.

    Reference: Vaswani et al., Attention Is All You Need, NeurIPS 2017.

    Example:

    >>> TransformerBackbone(32, num_layers=2)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    """

    title = "Transformer"

    def __init__(
        self,
        units: int,
        num_layers: int = 3,
        num_heads: int = 4,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units % num_heads:
            raise ValueError(
                "Argument `units` must be a multiple of num_heads. "
                f"Received: units={units!r}, num_heads={num_heads!r}"
            )
        # Here, because the import takes seconds and recurrent networks do without.
        from keras_hub.layers import SinePositionEncoding, TransformerEncoder

        self.units = units
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.embedding = layers.Dense(units, dtype=self.dtype_policy)
        # In float32: half precision has no sines of large positions.
        self.position_encoding = SinePositionEncoding(dtype="float32")
        self.encoders = [
            TransformerEncoder(
                4 * units, num_heads, dropout, normalize_first=True, dtype=self.dtype_policy
            )
            for _ in range(num_layers)
        ]
        self.normalization = layers.LayerNormalization(dtype=self.dtype_policy)
        self.recurrent_layers: list[keras.Layer] = []
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for sequences of shape `(batch, timesteps, features)`."""
        self.embedding.build(input_shape)
        shape = self.compute_output_shape(input_shape)
        for encoder in self.encoders:
            encoder.build(shape)
        self.normalization.build(shape)
        if not self.trainable:
            # They were created before they could know.
            for layer in (self.embedding, *self.encoders, self.normalization):
                layer.trainable = False

    def call(self, sequences: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Runs the layers one after the other."""
        if mask is None:
            mask = ops.ones(ops.shape(sequences)[:2], "bool")
        positions = ops.cumsum(ops.cast(mask, "float32"), axis=1) - 1
        x = self.embedding(sequences)
        x = x + ops.cast(self.position_encoding(x, positions=positions), x.dtype)
        for encoder in self.encoders:
            x = encoder(x, padding_mask=mask, training=training)
        return self.normalization(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the outputs."""
        return (*input_shape[:-1], self.units)

    def initial_step_state(self, batch_size: int) -> StepState:
        """Raises a ValueError: a Transformer encoder cannot go step by step."""
        raise ValueError("A Transformer encoder needs the whole sequence.")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }

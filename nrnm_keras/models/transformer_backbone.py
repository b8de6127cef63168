"""TransformerBackbone: a Transformer encoder, for comparison with recurrent layers."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class TransformerBackbone(layers.Layer):
    """A Transformer encoder: every step attends to all steps, or to those up to it.

    A linear layer embeds the inputs, and sinusoidal position encodings are added. The layers are
    those of keras-hub, with layer normalization before attention and feed-forward (pre-norm).

    Args:
        units: Positive integer, the width; feed-forward layers are four times as wide.
        num_layers: Positive integer.
        num_heads: Positive integer; must divide `units`.
        dropout: Float in [0, 1), dropout of attention weights and of sublayer outputs.
        causal: Boolean, whether a step attends to itself and the steps before it only, as a
            language model needs.

    Attributes:
        recurrent_layers: An empty list.
        bidirectional: False.
        title: The name of the network in plots.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip: nothing attends to them,
            and positions do not count them.

    Returns:
        `(batch, timesteps, units)`.

    Raises:
        ValueError: if `units` is not a multiple of `num_heads`.

    Reference: Vaswani et al., Attention Is All You Need, NeurIPS 2017.

    Example:

    >>> TransformerBackbone(32, num_layers=2)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    """

    title = "Transformer"
    bidirectional = False

    def __init__(
        self,
        units: int,
        num_layers: int = 3,
        num_heads: int = 4,
        dropout: float = 0.0,
        causal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units % num_heads:
            raise ValueError(
                "Argument `units` must be a multiple of num_heads. "
                f"Received: units={units!r}, num_heads={num_heads!r}"
            )
        # Imported here, because it takes seconds and recurrent networks do not need it.
        from keras_hub.layers import SinePositionEncoding, TransformerEncoder

        self.units = units
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.causal = causal
        self.embedding = layers.Dense(units, dtype=self.dtype_policy)
        # In float32: half precision cannot represent large positions.
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
            # They were created before `trainable` was set.
            for layer in (self.embedding, *self.encoders, self.normalization):
                layer.trainable = False

    def call(self, sequences: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Runs the layers one after the other."""
        batch, timesteps = ops.shape(sequences)[:2]
        if mask is None:
            mask = ops.ones((batch, timesteps), "bool")
        options = {"padding_mask": mask, "training": training}
        if self.causal:
            options["attention_mask"] = ops.tril(ops.ones((1, timesteps, timesteps), "int32"))
        positions = ops.cumsum(ops.cast(mask, "float32"), axis=1) - 1
        x = self.embedding(sequences)
        x = x + ops.cast(self.position_encoding(x, positions=positions), x.dtype)
        for encoder in self.encoders:
            x = encoder(x, **options)
        return self.normalization(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the outputs."""
        return (*input_shape[:-1], self.units)

    def initial_step_state(self, batch_size: int) -> StepState:
        """Raises a ValueError: a Transformer encoder cannot run step by step."""
        raise ValueError("A Transformer encoder needs the whole sequence.")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "causal": self.causal,
        }

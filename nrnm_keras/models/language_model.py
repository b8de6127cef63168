"""LanguageModel: the negative log-likelihood of each token, given the previous ones."""

from typing import Any, Self

import keras
from keras import layers, ops

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.models.backbone import RecurrentBackbone
from nrnm_keras.models.running_mean import count_more, update_mean
from nrnm_keras.models.tied_softmax import TiedSoftmax
from nrnm_keras.models.transformer_backbone import TransformerBackbone
from nrnm_keras.typing import Config, Shape, StepState, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class LanguageModel(keras.Model):
    """The negative log-likelihood of each token of a text, given the previous tokens.

    A linear layer projects the hidden state before each token to the size of the embedding, and
    `TiedSoftmax` scores all tokens by their embeddings. The first token is predicted from a hidden
    state of zeros. After training on unlabeled texts, embedding and backbone can initialize a
    classifier (Dai & Le, Semi-supervised Sequence Learning, NeurIPS 2015).

    In a bidirectional backbone, the backward half predicts each token from the following ones.
    Neither half sees the token that it predicts. The result is the mean of the two halves.

    Args:
        encoder: `keras.Sequential` from token ids to hidden states. The first layer is the
            `Embedding`, with 0 for padding; the last layer is the `RecurrentBackbone`, or a causal
            `TransformerBackbone`.
        dropout: Float in [0, 1), dropout on the hidden states.
        num_samples: Integer, the number of tokens of the sampled softmax in training, or 0 for the
            full softmax: see `TiedSoftmax`.

    Call arguments:
        ids: Integers `(batch, timesteps)`, padded with 0 on the right.

    Returns:
        `(batch, timesteps)`, 0 for padding, in float32 under mixed precision too.

    Raises:
        ValueError: if a hidden state of the backbone sees the token that it predicts.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone
    >>> embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    >>> model = LanguageModel(keras.Sequential([embedding, RecurrentBackbone(8)]))
    >>> model(np.array([[3, 8, 1], [2, 0, 0]])).shape
    TensorShape([2, 3])
    """

    def __init__(
        self, encoder: keras.Sequential, dropout: float = 0.0, num_samples: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        embedding, backbone = encoder.layers[0], encoder.layers[-1]
        _check_directions(backbone)
        self.encoder = encoder
        self.dropout = dropout
        self.num_samples = num_samples
        dtype = self.dtype_policy.variable_dtype
        self.dropout_layer = layers.Dropout(dropout, dtype=dtype)
        names = ("forward", "backward") if backbone.bidirectional else ("forward",)
        self.projections = [
            layers.Dense(embedding.output_dim, dtype=dtype, name=f"{name}_projection")
            for name in names
        ]
        self.softmax = TiedSoftmax(embedding, num_samples, dtype=dtype, name="softmax")

    @property
    def embedding(self) -> keras.layers.Embedding:
        """The `Embedding`."""
        return self.encoder.layers[0]

    @property
    def backbone(self) -> RecurrentBackbone | TransformerBackbone:
        """The `RecurrentBackbone` or `TransformerBackbone`."""
        return self.encoder.layers[-1]

    def build(self, input_shape: Shape) -> None:
        """Creates the weights for ids of shape `(batch, timesteps)`."""
        if not self.encoder.built:
            self.encoder.build(input_shape)
        for projection in self.projections:
            projection.build((*input_shape, self.backbone.units))
        self.softmax.build((*input_shape, self.embedding.output_dim))
        self.built = True

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        """Returns the negative log-likelihoods."""
        timesteps = ops.shape(ids)[1]
        ids = at_least_one(ids, 1)
        is_token = ops.not_equal(ids, 0)
        hidden = self.encoder(ids, training=training)
        # Backends return different hidden states for masked steps.
        hidden = ops.where(ops.expand_dims(is_token, -1), hidden, ops.zeros_like(hidden))
        directions = len(self.projections)
        contexts = [
            projection(self.dropout_layer(context, training=training))
            for projection, context in zip(self.projections, self._contexts(hidden), strict=True)
        ]
        losses = self.softmax(
            ops.concatenate(contexts), ops.tile(ids, (directions, 1)), training=training
        )
        mean = sum(ops.split(losses, directions)) / directions
        return ops.where(is_token, mean, 0.0)[:, :timesteps]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the ids."""
        return tuple(input_shape)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: padding has the value 0."""
        return None

    def initial_step_state(self, batch_size: int) -> StepState:
        """Returns the state before the first token, by name.

        Raises:
            ValueError: if the backbone needs whole sequences.
        """
        return {
            **self.backbone.initial_step_state(batch_size),
            "context": ops.zeros((batch_size, self.backbone.units), "float32"),
            "mean": ops.zeros((batch_size, 1), "float32"),
            "mean_rest": ops.zeros((batch_size, 1), "float32"),
            "tokens": ops.zeros((batch_size, 1), "int32"),
        }

    def step(
        self, ids: Tensor, mask: Tensor | None, state: StepState
    ) -> tuple[Tensor, Tensor, StepState]:
        """Takes in one more token.

        Args:
            ids: Integers `(batch, 1)`, 0 for rows to leave as they were.
            mask: None.
            state: dictionary with what `initial_step_state` or the step before returned.

        Returns:
            The mean negative log-likelihood of the tokens so far beside their number, float32
            `(batch, 2)`; which rows have a token, `(batch, 1)`; and the new state.
        """
        is_token = ops.not_equal(ids, 0)
        context = self.projections[0](state["context"])
        value = ops.expand_dims(self.softmax.of_step(context, ids[:, 0]), 1)
        vectors = ids
        for layer in self.encoder.layers[:-1]:
            vectors = layer(vectors)
        hidden, new = self.backbone.step(vectors[:, 0], is_token, state)
        new["tokens"] = count_more(state["tokens"], is_token)
        count = ops.maximum(new["tokens"], 1)
        mean, rest = update_mean(state["mean"], state["mean_rest"], value, count)
        new |= {"context": ops.cast(hidden, "float32"), "mean": mean, "mean_rest": rest}
        for name in ("context", "mean", "mean_rest"):
            new[name] = ops.where(is_token, new[name], state[name])
        result = ops.concatenate([new["mean"], ops.cast(new["tokens"], "float32")], axis=-1)
        return result, is_token, new

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "dropout": self.dropout,
            "num_samples": self.num_samples,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Creates a model from the config that `get_config` returned."""
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})

    def _contexts(self, hidden):
        """Yields the hidden states that predict each step, for each direction."""
        units = self.backbone.units
        yield ops.pad(hidden[:, :-1, :units], [(0, 0), (1, 0), (0, 0)])
        if self.backbone.bidirectional:
            yield ops.pad(hidden[:, 1:, units:], [(0, 0), (0, 1), (0, 0)])


def _check_directions(backbone):
    """Raises a `ValueError` if hidden states see the token that they predict."""
    is_causal = isinstance(backbone, TransformerBackbone) and backbone.causal
    if not (is_causal or isinstance(backbone, RecurrentBackbone)):
        raise ValueError(
            "A language model needs a `RecurrentBackbone` or a causal `TransformerBackbone`: in "
            "others, hidden states see the token that they predict. "
            f"Received: {type(backbone).__name__}"
        )
    if backbone.bidirectional and backbone.num_layers > 1:
        raise ValueError(
            "A bidirectional language model can have only one layer: the hidden states of a second "
            "one would see the token that they predict. "
            f"Received: bidirectional=True, num_layers={backbone.num_layers}"
        )

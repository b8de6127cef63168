"""LanguageModel: how likely each token of a text is, given those before it."""

import keras
from keras import layers, ops

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.models.backbone import RecurrentBackbone
from nrnm_keras.models.running_mean import count_more, update_mean
from nrnm_keras.models.tied_softmax import TiedSoftmax


@keras.saving.register_keras_serializable(package="nrnm_keras")
class LanguageModel(keras.Model):
    """The negative log-likelihood of each token, given those before it.

    The hidden state before a token becomes, through a linear layer, a vector of the embedding's
    size; `TiedSoftmax` compares it with the embeddings of all tokens. The first token is compared
    with what stands for an empty text. Trained so on texts without labels, embedding and backbone
    are a start for classifiers (Dai & Le, Semi-supervised Sequence Learning, NeurIPS 2015).

    If the backbone also runs backwards, its backward half tells each token from those after it.
    Neither half sees the token that it tells. The result is the mean of the two.

    Args:
        encoder: `keras.Sequential` from token ids to hidden states. Its first layer is the
            `Embedding`, with 0 for padding; its last the `RecurrentBackbone`.
        dropout: Float in [0, 1), dropout on the hidden states that tell the tokens.
        num_samples: Integer, the tokens that stand for the vocabulary in training, 0 for all: see
            `TiedSoftmax`.

    Call arguments:
        ids: Integers `(batch, timesteps)`, padded with 0 on the right.

    Returns:
        `(batch, timesteps)`, 0 for padding, in float32 under mixed precision too.

    Raises:
        ValueError: if a hidden state of the backbone could see the token that it is to tell.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone
    >>> embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    >>> model = LanguageModel(keras.Sequential([embedding, RecurrentBackbone(8)]))
    >>> model(np.array([[3, 8, 1], [2, 0, 0]])).shape
    TensorShape([2, 3])
    """

    def __init__(self, encoder, dropout=0.0, num_samples=0, **kwargs):
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
    def embedding(self):
        """The `Embedding`."""
        return self.encoder.layers[0]

    @property
    def backbone(self):
        """The `RecurrentBackbone`."""
        return self.encoder.layers[-1]

    def build(self, input_shape):
        """Creates the weights for ids of shape `(batch, timesteps)`."""
        if not self.encoder.built:
            self.encoder.build(input_shape)
        for projection in self.projections:
            projection.build((*input_shape, self.backbone.units))
        self.softmax.build((*input_shape, self.embedding.output_dim))
        self.built = True

    def call(self, ids, training=False):
        """Returns the negative log-likelihoods."""
        timesteps = ops.shape(ids)[1]
        ids = at_least_one(ids, 1)
        is_token = ops.not_equal(ids, 0)
        hidden = self.encoder(ids, training=training)
        # What a backend returns for a masked step is its own affair.
        hidden = ops.where(ops.expand_dims(is_token, -1), hidden, ops.zeros_like(hidden))
        directions = len(self.projections)
        contexts = [
            projection(self.dropout_layer(context, training=training))
            for projection, context in zip(self.projections, self._contexts(hidden), strict=True)
        ]
        likelihoods = self.softmax(
            ops.concatenate(contexts), ops.tile(ids, (directions, 1)), training=training
        )
        mean = sum(ops.split(likelihoods, directions)) / directions
        return ops.where(is_token, mean, 0.0)[:, :timesteps]

    def compute_output_shape(self, input_shape):
        """Returns the shape of the ids."""
        return tuple(input_shape)

    def compute_mask(self, inputs, previous_mask=None):
        """Returns None: what padding has is 0."""
        return None

    def initial_step_state(self, batch_size) -> dict:
        """Returns what `step` knows before the first token, by name.

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

    def step(self, ids, mask, state: dict) -> tuple:
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

    def get_config(self):
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "dropout": self.dropout,
            "num_samples": self.num_samples,
        }

    @classmethod
    def from_config(cls, config):
        """Makes a model from what `get_config` returned."""
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})

    def _contexts(self, hidden):
        """Yields for each direction the hidden states that each step is told from."""
        units = self.backbone.units
        yield ops.pad(hidden[:, :-1, :units], [(0, 0), (1, 0), (0, 0)])
        if self.backbone.bidirectional:
            yield ops.pad(hidden[:, 1:, units:], [(0, 0), (0, 1), (0, 0)])


def _check_directions(backbone):
    """Refuses a backbone whose hidden states see more than one side of their step."""
    if not isinstance(backbone, RecurrentBackbone):
        raise ValueError(
            "A language model needs recurrent layers: every other step would see what it is to "
            f"tell. Received: {type(backbone).__name__}"
        )
    if backbone.bidirectional and backbone.num_layers > 1:
        raise ValueError(
            "A language model that also runs backwards can have one layer only: a second one would "
            "see what it is to tell from the other side. "
            f"Received: bidirectional=True, num_layers={backbone.num_layers}"
        )

"""Networks on tokens, and the flags of their embedding."""

import keras
from absl import flags
from keras import layers


def define_flags(values):
    """Defines the flags of the embedding in an absl `FlagValues`."""

    def rate(name, default, text):
        flags.DEFINE_float(
            name, default, text, lower_bound=0.0, upper_bound=0.99, flag_values=values
        )

    flags.DEFINE_integer(
        "embedding_size", 128, "width of the token embedding", lower_bound=1, flag_values=values
    )
    rate("word_dropout", 0.0, "share of a sequence's tokens whose embedding is dropped")
    rate("embedding_dropout", 0.2, "dropout of whole features of a sequence's embedding")


def embedding_layers(flags, vocabulary_size):
    """Returns the layers from token ids `(batch, timesteps)`, 0 for padding, to vectors."""
    return [
        layers.Embedding(vocabulary_size, flags.embedding_size, mask_zero=True),
        layers.Dropout(flags.word_dropout, noise_shape=(None, None, 1)),
        layers.SpatialDropout1D(flags.embedding_dropout),
    ]


def token_network(flags, vocabulary_size, classifier, dtype="int32"):
    """Returns the network from token ids `(batch, timesteps)` to what a classifier makes of them.

    Args:
        flags: the values of the command's flags.
        vocabulary_size: number of token ids, padding included.
        classifier: layer from sequences of vectors to logits.
        dtype: integer type of the ids.
    """
    inputs = keras.Input((None,), dtype=dtype)
    embedding = embedding_layers(flags, vocabulary_size)
    return keras.Sequential([inputs, *embedding, classifier], name="network")

"""Networks on tokens."""

from collections.abc import Sequence

import keras
from keras import layers

from nrnm_keras.config import EmbeddingConfig


def embedding_layers(embedding: EmbeddingConfig, vocabulary_size: int) -> list[layers.Layer]:
    """Returns the layers of an `EmbeddingConfig` from token ids, 0 for padding, to vectors."""
    return [
        layers.Embedding(vocabulary_size, embedding.embedding_size, mask_zero=True),
        layers.Dropout(embedding.word_dropout, noise_shape=(None, None, 1)),
        layers.SpatialDropout1D(embedding.embedding_dropout),
    ]


def token_network(
    embedding: EmbeddingConfig,
    vocabulary_size: int,
    classifier: layers.Layer,
    dtype: str = "int32",
    between: Sequence[layers.Layer] = (),
) -> keras.Sequential:
    """Returns the network from token ids `(batch, timesteps)` to the outputs of a classifier.

    Args:
        embedding: an `EmbeddingConfig`.
        vocabulary_size: number of token ids, padding included.
        classifier: layer from sequences of vectors to logits.
        dtype: integer type of the ids.
        between: layers from the vectors to those that the classifier takes.
    """
    inputs = keras.Input((None,), dtype=dtype)
    vectors = embedding_layers(embedding, vocabulary_size)
    return keras.Sequential([inputs, *vectors, *between, classifier], name="network")

"""Networks on tokens."""

import keras
from keras import layers

from nrnm_keras.config import EmbeddingConfig
from nrnm_keras.preprocessing import StepStacking


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
    stacked_steps: int = 1,
) -> keras.Sequential:
    """Returns the network from token ids `(batch, timesteps)` to the outputs of a classifier.

    Args:
        embedding: an `EmbeddingConfig`.
        vocabulary_size: number of token ids, padding included.
        classifier: layer from sequences of vectors to logits.
        dtype: integer type of the ids.
        stacked_steps: number of neighboring vectors that are added to one.
    """
    inputs = keras.Input((None,), dtype=dtype)
    vectors = embedding_layers(embedding, vocabulary_size)
    stacking = [StepStacking(stacked_steps, mode="sum")] if stacked_steps > 1 else []
    return keras.Sequential([inputs, *vectors, *stacking, classifier], name="network")

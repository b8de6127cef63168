"""Vocabulary and examples of tasks on texts."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nrnm_keras.config import TextConfig
from nrnm_keras.preprocessing import TextPreprocessor

READ_BATCH = 512


def create_preprocessor(
    options: TextConfig, texts: tf.data.Dataset, vocabulary: Sequence[str] | None = None
) -> TextPreprocessor:
    """Returns the `TextPreprocessor` of a `TextConfig`.

    Args:
        options: the `TextConfig`.
        texts: `tf.data.Dataset` of batches of training texts, to learn the vocabulary.
        vocabulary: list of tokens to use instead, as `TextPreprocessor.vocabulary`.
    """
    preprocessor = TextPreprocessor(
        options.vocabulary_size,
        options.max_length,
        options.head_fraction,
        options.tokens,
        name="preprocessor",
    )
    if vocabulary:
        preprocessor.lookup.set_vocabulary(vocabulary)
    else:
        preprocessor.adapt(texts)
    return preprocessor


def in_memory(batches: tf.data.Dataset, mixed: bool = False) -> tf.data.Dataset:
    """Returns a `tf.data.Dataset` of the rows of batches, which are read once.

    Args:
        batches: `tf.data.Dataset` of tuples of tensors or ragged tensors.
        mixed: whether to shuffle the rows; the same number of rows gets the same order.
    """
    columns = tuple(tf.concat(column, 0) for column in zip(*batches, strict=True))
    if mixed:
        order = np.random.default_rng(0).permutation(int(columns[-1].shape[0]))
        columns = tuple(tf.gather(column, order) for column in columns)
    return tf.data.Dataset.from_tensor_slices(columns)

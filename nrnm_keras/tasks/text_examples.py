"""Texts as token ids: the flags, the vocabulary, the examples."""

import numpy as np
import tensorflow as tf
from absl import flags

from nrnm_keras.preprocessing import TextPreprocessor

READ_BATCH = 512


def define_flags(values):
    """Defines the flags of texts in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "vocabulary_size",
        20_000,
        "largest number of token ids; the vocabulary is learnt on the training texts",
        lower_bound=3,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_length",
        400,
        "tokens kept of a text; of longer ones both ends are kept",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_float(
        "head_fraction",
        0.25,
        "share of max_length that the beginning of a longer text gets",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )


def create_preprocessor(flags, texts, vocabulary=None):
    """Returns the `TextPreprocessor` of the flags.

    Args:
        flags: the values of the command's flags.
        texts: `tf.data.Dataset` of batches of training texts, which the vocabulary is learnt on.
        vocabulary: list of tokens that is taken instead, as `TextPreprocessor.vocabulary`.
    """
    preprocessor = TextPreprocessor(
        flags.vocabulary_size, flags.max_length, flags.head_fraction, name="preprocessor"
    )
    if vocabulary:
        preprocessor.lookup.set_vocabulary(vocabulary)
    else:
        preprocessor.adapt(texts)
    return preprocessor


def in_memory(batches, mixed=False):
    """Returns a `tf.data.Dataset` of the rows of batches, which it reads once.

    Args:
        batches: `tf.data.Dataset` of tuples of tensors or ragged tensors.
        mixed: whether the rows come in another order, always the same for as many rows.
    """
    columns = tuple(tf.concat(column, 0) for column in zip(*batches, strict=True))
    if mixed:
        order = np.random.default_rng(0).permutation(int(columns[-1].shape[0]))
        columns = tuple(tf.gather(column, order) for column in columns)
    return tf.data.Dataset.from_tensor_slices(columns)

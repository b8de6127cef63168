"""Padded batches of sequences."""

import tensorflow as tf

_BATCHES_SORTED_TOGETHER = 50
_LENGTH_MULTIPLE = 16
# Records come mixed already. This many sequences of NTU RGB+D, 100 frames each, are 2.4 GB.
_SHUFFLED_TOGETHER = 40_000


def padded_batches(
    examples,
    batch_size,
    shuffle_seed=None,
    drop_remainder=False,
    sort_by_length=True,
    padding=0,
):
    """Returns batches of sequences, padded at the end.

    Sorted by length, little padding is computed: the sequences of 50 batches at a time are sorted
    and cut into batches. Unlike fixed length classes this leaves one incomplete batch at the end,
    not one for every class. Padded is up to the longest of a batch, rounded up to a multiple of
    16, so that the compiled shapes are few.

    Args:
        examples: `tf.data.Dataset` of (sequence `(timesteps, ...)`, target) of known length.
        batch_size: positive integer.
        shuffle_seed: integer, to shuffle examples and batches, anew in every epoch; None for not.
        drop_remainder: whether to drop the incomplete last batch.
        sort_by_length: whether sequences of similar length are batched together.
        padding: number to pad with.
    """
    count = int(examples.cardinality())
    steps = count // batch_size if drop_remainder else -(-count // batch_size)
    if shuffle_seed is not None:
        examples = examples.shuffle(min(count, _SHUFFLED_TOGETHER), seed=shuffle_seed)
    if sort_by_length:
        windows = examples.ragged_batch(batch_size * _BATCHES_SORTED_TOGETHER)
        batches = windows.flat_map(lambda *window: _sorted_batches(window, batch_size))
        if shuffle_seed is not None:
            batches = batches.shuffle(_BATCHES_SORTED_TOGETHER, seed=shuffle_seed)
    else:
        batches = examples.ragged_batch(batch_size)
    batches = batches.map(lambda sequences, targets: (_pad(sequences, padding), targets))
    # An incomplete batch is the last one before the shuffling of batches moves it.
    if drop_remainder:
        batches = batches.filter(lambda _, targets: tf.shape(targets)[0] == batch_size)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return batches.prefetch(tf.data.AUTOTUNE)


def _sorted_batches(window, batch_size):
    sequences, targets = window
    order = tf.argsort(sequences.row_lengths(), stable=True)
    ordered = (tf.gather(sequences, order), tf.gather(targets, order))
    return tf.data.Dataset.from_tensor_slices(ordered).ragged_batch(batch_size)


def _pad(sequences, padding):
    padding = tf.cast(padding, sequences.dtype)
    padded = sequences.to_tensor(padding)
    missing = -tf.shape(padded)[1] % _LENGTH_MULTIPLE
    paddings = [[0, 0], [0, missing], *([[0, 0]] * (padded.shape.rank - 2))]
    return tf.pad(padded, paddings, constant_values=padding)

import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.training.batches import length_bucketed

LENGTHS = np.random.default_rng(0).integers(1, 90, size=217)


def examples():
    """Sequence i has LENGTHS[i] entries, all of them i + 1; its target is i."""
    rows = tf.RaggedTensor.from_row_lengths(
        np.repeat(np.arange(1, len(LENGTHS) + 1, dtype="int32"), LENGTHS), LENGTHS
    )
    return tf.data.Dataset.from_tensor_slices((rows, np.arange(len(LENGTHS))))


def read(batches):
    return [(sequences.numpy(), targets.numpy()) for sequences, targets in batches]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 32, 217, 500])
def test_every_example_comes_once_and_whole(batch_size, seed):
    batches = length_bucketed(examples(), batch_size, shuffle_seed=seed)
    found = []
    for sequences, targets in read(batches):
        for row, target in zip(sequences, targets, strict=True):
            expected = np.zeros_like(row)
            expected[: LENGTHS[target]] = target + 1
            np.testing.assert_array_equal(row, expected)
            found.append(target)
    assert sorted(found) == list(range(len(LENGTHS)))
    assert int(batches.cardinality()) == -(-len(LENGTHS) // batch_size)


def test_little_is_padded():
    padded = sum(sequences.size for sequences, _ in read(length_bucketed(examples(), 16, 0)))
    in_order = sum(
        sequences.numpy().size
        for sequences, _ in examples().ragged_batch(16).map(lambda s, t: (s.to_tensor(), t))
    )
    assert padded - LENGTHS.sum() < 0.35 * (in_order - LENGTHS.sum())


def test_lengths_are_multiples_of_16():
    assert {s.shape[1] % 16 for s, _ in read(length_bucketed(examples(), 8))} == {0}


def test_incomplete_batch_can_be_dropped():
    batches = length_bucketed(examples(), 32, shuffle_seed=0, drop_remainder=True)
    assert [len(targets) for _, targets in read(batches)] == [32] * 6
    assert int(batches.cardinality()) == 6
    assert int(length_bucketed(examples(), 500, 0, drop_remainder=True).cardinality()) == 0


def order(batches):
    return [target for _, targets in read(batches) for target in targets]


def test_order_follows_the_seed_and_changes_with_the_epoch():
    first, again = (length_bucketed(examples(), 8, shuffle_seed=5) for _ in range(2))
    epochs = [order(first), order(first)]
    assert epochs[0] != epochs[1]
    assert epochs == [order(again), order(again)]
    assert epochs[0] != order(length_bucketed(examples(), 8, shuffle_seed=6))
    # Long and short batches come mixed.
    lengths = [sequences.shape[1] for sequences, _ in read(first)]
    assert lengths != sorted(lengths)


def test_sequences_of_feature_vectors():
    rows = tf.ragged.constant([[[1.0, 2.0]] * 3, [[3.0, 4.0]]], ragged_rank=1)
    dataset = tf.data.Dataset.from_tensor_slices((rows, [0, 1]))
    ((sequences, targets),) = read(length_bucketed(dataset, 2))
    assert sequences.shape == (2, 16, 2)
    np.testing.assert_array_equal(targets, [1, 0])
    np.testing.assert_array_equal(sequences.sum(axis=1), [[3, 4], [3, 6]])
    np.testing.assert_array_equal(sequences[0, 0], [3, 4])

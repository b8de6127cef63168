import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.training.batches import padded_batches

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
    batches = padded_batches(examples(), batch_size, shuffle_seed=seed)
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
    padded = sum(sequences.size for sequences, _ in read(padded_batches(examples(), 16, 0)))
    in_order = sum(
        sequences.numpy().size
        for sequences, _ in examples().ragged_batch(16).map(lambda s, t: (s.to_tensor(), t))
    )
    assert padded - LENGTHS.sum() < 0.35 * (in_order - LENGTHS.sum())


def test_lengths_are_multiples_of_16():
    assert {s.shape[1] % 16 for s, _ in read(padded_batches(examples(), 8))} == {0}


def test_incomplete_batch_can_be_dropped():
    batches = padded_batches(examples(), 32, shuffle_seed=0, drop_remainder=True)
    assert [len(targets) for _, targets in read(batches)] == [32] * 6
    assert int(batches.cardinality()) == 6
    assert int(padded_batches(examples(), 500, 0, drop_remainder=True).cardinality()) == 0


def order(batches):
    return [target for _, targets in read(batches) for target in targets]


def test_order_follows_the_seed_and_changes_with_the_epoch():
    first, again = (padded_batches(examples(), 8, shuffle_seed=5) for _ in range(2))
    epochs = [order(first), order(first)]
    assert epochs[0] != epochs[1]
    assert epochs == [order(again), order(again)]
    assert epochs[0] != order(padded_batches(examples(), 8, shuffle_seed=6))
    # Long and short batches come mixed.
    lengths = [sequences.shape[1] for sequences, _ in read(first)]
    assert lengths != sorted(lengths)


def test_sequences_of_feature_vectors():
    rows = tf.ragged.constant([[[1.0, 2.0]] * 3, [[3.0, 4.0]]], ragged_rank=1)
    dataset = tf.data.Dataset.from_tensor_slices((rows, [0, 1]))
    ((sequences, targets),) = read(padded_batches(dataset, 2))
    assert sequences.shape == (2, 16, 2)
    np.testing.assert_array_equal(targets, [1, 0])
    np.testing.assert_array_equal(sequences.sum(axis=1), [[3, 4], [3, 6]])
    np.testing.assert_array_equal(sequences[0, 0], [3, 4])


def test_without_sorting_batches_follow_the_order_of_the_examples():
    batches = padded_batches(examples(), 10, sort_by_length=False)
    assert order(batches) == list(range(217))
    shuffled = padded_batches(examples(), 10, shuffle_seed=1, sort_by_length=False)
    assert sorted(order(shuffled)) == list(range(217)) != order(shuffled)


@pytest.mark.parametrize("sort_by_length", [False, True])
def test_padding_value(sort_by_length):
    rows = tf.ragged.constant([[[1.0]] * 3, [[3.0]]], ragged_rank=1)
    dataset = tf.data.Dataset.from_tensor_slices((rows, [0, 1]))
    padded = padded_batches(dataset, 2, sort_by_length=sort_by_length, padding=float("nan"))
    ((sequences, targets),) = read(padded)
    lengths = np.isfinite(sequences[..., 0]).sum(axis=1)
    np.testing.assert_array_equal(lengths, np.array([3, 1])[targets])

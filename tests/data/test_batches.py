from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.data.batches import TrainingBatches, evaluation_batches
from nrnm_keras.errors import UsageError

LENGTHS = np.random.default_rng(0).integers(1, 90, size=217)
# Batch sizes and numbers of parts. None of the sizes but the first divides 217.
SHAPES = [(1, 1), (2, 2), (32, 1), (32, 4), (54, 2), (500, 4)]


class Task:
    """Sequence i has LENGTHS[i] entries, all of them i + 1; its target is i."""

    padding = 0

    def __init__(self, count=217, sort_by_length=True):
        self.records = SimpleNamespace(sizes={"train": count})
        self.sort_by_length = sort_by_length
        self._count = count

    def examples(self, split, part=0, num_parts=1):
        numbers = np.array_split(np.arange(self._count), num_parts)[part]
        steps = np.repeat(numbers + 1, LENGTHS[numbers])
        rows = tf.RaggedTensor.from_row_lengths(steps, LENGTHS[numbers])
        return tf.data.Dataset.from_tensor_slices((rows, numbers))


class VectorTask:
    """Sequences of `longest` feature vectors and of one."""

    sort_by_length = True

    def __init__(self, padding, longest=3):
        self.padding = padding
        self._longest = longest

    def examples(self, split):
        rows = tf.ragged.constant([[[1.0, 2.0]] * self._longest, [[3.0, 4.0]]], ragged_rank=1)
        return tf.data.Dataset.from_tensor_slices((rows, [0, 1]))


def read(batches):
    return list(batches.as_numpy_iterator())


def order(batches):
    return [target for _, targets, *_ in read(batches) for target in targets]


def assert_whole(sequences, targets):
    for row, target in zip(sequences, targets, strict=True):
        expected = np.zeros_like(row)
        expected[: LENGTHS[target]] = target + 1
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("sort_by_length", [False, True])
@pytest.mark.parametrize(("batch_size", "num_parts"), SHAPES)
def test_every_example_counts_once_and_is_whole(batch_size, num_parts, sort_by_length):
    task = Task(sort_by_length=sort_by_length)
    batches = TrainingBatches(task, batch_size, seed=3, num_parts=num_parts)
    found = []
    epoch = read(batches.epoch(1))
    for sequences, targets, weights in epoch:
        assert len(sequences) == len(targets) == len(weights) == batch_size
        assert_whole(sequences, targets)
        found.extend(targets[weights > 0])
    assert sorted(found) == list(range(len(LENGTHS)))
    assert len(epoch) == batches.steps == -(-len(LENGTHS) // batch_size)


@pytest.mark.parametrize("count", [217, 193, 192, 3])
@pytest.mark.parametrize("num_parts", [1, 3])
def test_weights_make_every_mean_that_of_the_examples_there_are(num_parts, count):
    batches = TrainingBatches(Task(count), 48, seed=0, num_parts=num_parts)
    incomplete = 0
    for _, targets, weights in read(batches.epoch(0)):
        examples = targets[weights > 0]
        values = np.sin(targets)
        np.testing.assert_allclose((weights * values).sum() / 48, np.sin(examples).mean(), 1e-5)
        incomplete += len(examples) < 48
    assert incomplete == (count % 48 > 0)


def rows_of(batch):
    """What a batch holds, whatever the order of its rows and the length it is padded to."""
    return sorted(
        (target, weight, tuple(np.trim_zeros(sequence)))
        for sequence, target, weight in zip(*batch, strict=True)
    )


@pytest.mark.parametrize("sort_by_length", [False, True])
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_batches_of_one(processes, sort_by_length):
    def epoch(parts):
        task = Task(sort_by_length=sort_by_length)
        return read(TrainingBatches(task, 12, seed=7, num_parts=4, parts=parts).epoch(2))

    shares = [epoch(range(process, 4, processes)) for process in range(processes)]
    for whole, *parts in zip(epoch(None), *shares, strict=True):
        assert {len(targets) for _, targets, _ in parts} == {12 // processes}
        assert sorted(sum(map(rows_of, parts), [])) == rows_of(whole)


@pytest.mark.parametrize("sort_by_length", [False, True])
def test_an_epoch_can_be_gone_on_with_from_any_batch(sort_by_length):
    def batches():
        return TrainingBatches(Task(sort_by_length=sort_by_length), 2, seed=1, num_parts=2)

    whole = read(batches().epoch(4))
    for first in (1, 50, 73, 109):
        rest = read(batches().epoch(4, first))
        assert len(rest) == len(whole) - first
        for found, expected in zip(rest, whole[first:], strict=True):
            for column, expected_column in zip(found, expected, strict=True):
                np.testing.assert_array_equal(column, expected_column)


@pytest.mark.parametrize("sort_by_length", [False, True])
def test_order_follows_from_the_seed_and_the_epoch(sort_by_length):
    def epoch(seed, number):
        batches = TrainingBatches(Task(sort_by_length=sort_by_length), 8, seed)
        return [tuple(targets) for _, targets, _ in read(batches.epoch(number))]

    orders = [epoch(5, 0), epoch(5, 1), epoch(6, 0)]
    assert orders == [epoch(5, 0), epoch(5, 1), epoch(6, 0)]
    # Other examples come together, too, not only the batches in another order.
    contents = [{frozenset(targets) for targets in order} for order in orders]
    for i, one in enumerate(contents):
        assert one not in contents[:i]


def test_long_and_short_batches_come_mixed():
    epoch = read(TrainingBatches(Task(), 8, seed=5).epoch(0))
    lengths = [sequences.shape[1] for sequences, *_ in epoch]
    assert lengths != sorted(lengths) != lengths[::-1]


@pytest.mark.parametrize("num_parts", [1, 2])
def test_little_is_padded(num_parts):
    def padding(task):
        batches = TrainingBatches(task, 16, seed=0, num_parts=num_parts)
        return sum(np.sum(sequences == 0) for sequences, *_ in read(batches.epoch(0)))

    assert padding(Task()) < 0.35 * padding(Task(sort_by_length=False))


def test_lengths_are_multiples_of_16():
    epochs = [TrainingBatches(Task(), 8, seed=0).epoch(0), evaluation_batches(Task(), "test", 8)]
    assert {sequences.shape[1] % 16 for epoch in epochs for sequences, *_ in read(epoch)} == {0}


@pytest.mark.parametrize(
    "longest, padded",
    [(2, 16), (16, 16), (17, 32), (33, 48), (49, 64), (65, 96), (97, 128), (129, 192), (257, 384)],
)
def test_few_lengths(longest, padded):
    """Two lengths per octave from 32 on."""
    task = VectorTask(padding=0, longest=longest)
    ((sequences, _),) = read(evaluation_batches(task, "test", 2, few_lengths=True))
    assert sequences.shape == (2, padded, 2)
    np.testing.assert_array_equal(sequences.sum(axis=1), [[3, 4], [longest, 2 * longest]])


def test_few_lengths_in_training():
    plain, few = (
        read(TrainingBatches(Task(), 8, seed=0, few_lengths=few_lengths).epoch(0))
        for few_lengths in (False, True)
    )
    assert {sequences.shape[1] for sequences, *_ in plain} == {16, 32, 48, 64, 80, 96}
    assert {sequences.shape[1] for sequences, *_ in few} == {16, 32, 48, 64, 96}
    for (_, targets, _), (sequences, same_targets, _) in zip(plain, few, strict=True):
        np.testing.assert_array_equal(same_targets, targets)
        assert_whole(sequences, targets)


def test_few_lengths_are_for_sequences_of_different_lengths():
    task = Task(count=1, sort_by_length=False)
    ((sequences, _),) = read(evaluation_batches(task, "test", 1, few_lengths=True))
    assert sequences.shape[1] == -(-LENGTHS[0] // 16) * 16


def test_more_parts_than_examples():
    with pytest.raises(UsageError, match="input_shards=4 is more than the 3 training examples"):
        TrainingBatches(Task(count=3), 8, seed=0, num_parts=4)


@pytest.mark.parametrize("sort_by_length", [False, True])
@pytest.mark.parametrize("batch_size", [2, 32, 500])
def test_evaluation_sees_every_example_once(batch_size, sort_by_length):
    batches = read(evaluation_batches(Task(sort_by_length=sort_by_length), "test", batch_size))
    for sequences, targets in batches:
        assert_whole(sequences, targets)
    assert sorted(target for _, targets in batches for target in targets) == list(range(217))
    assert len(batches) == -(-217 // batch_size)


def test_without_sorting_evaluation_follows_the_order_of_the_examples():
    assert order(evaluation_batches(Task(sort_by_length=False), "test", 10)) == list(range(217))


def test_sequences_of_feature_vectors():
    ((sequences, targets),) = read(evaluation_batches(VectorTask(padding=0), "test", 2))
    assert sequences.shape == (2, 16, 2)
    np.testing.assert_array_equal(targets, [1, 0])
    np.testing.assert_array_equal(sequences.sum(axis=1), [[3, 4], [3, 6]])
    np.testing.assert_array_equal(sequences[0, 0], [3, 4])


def test_padding_value():
    ((sequences, _),) = read(evaluation_batches(VectorTask(padding=float("nan")), "test", 2))
    np.testing.assert_array_equal(np.isfinite(sequences).all(axis=2).sum(axis=1), [1, 3])
    assert np.isnan(sequences).sum() == 2 * 16 * 2 - 2 * 4


@pytest.mark.parametrize("num_parts", [1, 4])
def test_several_passes_make_one_epoch(num_parts):
    task = Task(count=30)
    batches = TrainingBatches(task, 8, seed=0, num_parts=num_parts, passes=3)
    rows = [row for _, *columns in read(batches.epoch(0)) for row in zip(*columns, strict=True)]
    counted = [target for target, weight in rows if weight > 0]
    assert batches.steps == 12  # 90 rows
    assert sorted(counted) == sorted([*range(30)] * 3)
    assert order(batches.epoch(0)) == order(batches.epoch(0)) != order(batches.epoch(1))
    passes = [counted[:30], counted[30:60]]
    assert passes[0] != passes[1]

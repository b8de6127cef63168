"""Padded batches of sequences."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.typing import Tensor

_BATCHES_SORTED_TOGETHER = 50
_LENGTH_MULTIPLE = 16
# Records are stored shuffled. This many sequences of NTU RGB+D, 100 frames each, take 2.4 GB.
_SHUFFLED_TOGETHER = 40_000
_LONGER_THAN_ANY = 2**40


def evaluation_batches(
    task: Any, split: str, batch_size: int, few_lengths: bool = False
) -> tf.data.Dataset:
    """Returns batches `(sequences, targets)` of a split, with every example once.

    Args:
        task: a `Task`.
        split: name of the split.
        batch_size: positive integer; the last batch may be smaller.
        few_lengths: as for `TrainingBatches`.
    """
    padding = _Padding(task, few_lengths)
    batches = _batches(task.examples(split), batch_size, task.sort_by_length)
    return batches.map(padding.pad_columns).prefetch(tf.data.AUTOTUNE)


def is_labeled(targets: Tensor, weights: Tensor) -> Tensor:
    """Returns which rows of a training batch count in metrics, `(batch,)`, as 0 and 1.

    Rows of weight 0 only fill the batch. A negative class marks an example without a label. If the
    targets belong to steps, or are not classes, all examples count.

    Args:
        targets, weights: a batch's, as `TrainingBatches` has them.
    """
    counts = keras.ops.cast(weights > 0, "float32")
    if len(targets.shape) == 1 and keras.backend.is_int_dtype(targets.dtype):
        counts *= keras.ops.cast(targets >= 0, "float32")
    return counts


class TrainingBatches:
    """One process's rows of the training batches, in an order that depends only on the seed.

    Every epoch shuffles the examples again, by the seed and the epoch's number alone, so that a
    training can be resumed at any step. If the task asks for it, sequences of similar length are
    batched together: the examples of 50 batches at a time are sorted by length and cut into
    batches, which are then shuffled. Batches are padded to their longest sequence, rounded up to a
    multiple of 16, or with `few_lengths` further.

    All batches have `batch_size` rows. If the examples do not fill the last batch, rows of weight 0
    do, and its other rows get the weight `batch_size / examples`. The weighted sum of the rows'
    losses, divided by `batch_size`, is then the mean over the examples.

    The examples are read in `num_parts` parts. Every batch takes the same number of rows from each
    part, and each process reads its own parts. So with the same number of parts, any number of
    processes sees the same batches.

    Args:
        task: a `Task`.
        batch_size: positive integer, a multiple of `num_parts`.
        seed: integer.
        num_parts: positive integer.
        parts: the parts that this process reads. Default: all.
        passes: positive integer, the times that an epoch goes through the examples.
        few_lengths: whether sequences of different lengths are padded to 16, 32, 48, 64, 96, 128,
            192, ... steps, two lengths per octave. XLA compiles each length anew, which takes
            longer than the steps of padding.

    Attributes:
        steps: number of batches in an epoch.

    Raises:
        UsageError: if a part would have no example.
    """

    def __init__(
        self,
        task: Any,
        batch_size: int,
        seed: int,
        num_parts: int = 1,
        parts: Iterable[int] | None = None,
        passes: int = 1,
        few_lengths: bool = False,
    ) -> None:
        total = task.records.sizes["train"]
        if total < num_parts:
            raise UsageError(
                f"input_shards={num_parts} is more than the {total} training examples; lower it"
            )
        self._task = task
        self._seed = seed
        self._passes = passes
        self._padding = _Padding(task, few_lengths)
        total *= passes
        self._rows = batch_size // num_parts
        self.steps = -(-total // batch_size)
        self._last_weight = batch_size / (total - (self.steps - 1) * batch_size)
        parts = range(num_parts) if parts is None else parts
        self._examples = {part: task.examples("train", part, num_parts) for part in parts}

    @property
    def element_spec(self) -> Any:
        """The `tf.TypeSpec`s of a batch."""
        return self.epoch(0).element_spec

    def epoch(self, epoch: int, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches `(sequences, targets, weights)` of an epoch from a step on."""
        parts = [self._part(epoch, part) for part in self._examples]
        batches = tf.data.Dataset.zip(tuple(parts)).skip(first_step)
        return batches.map(self._join, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _part(self, epoch, part):
        """Returns the rows of one part, batch by batch, not yet padded."""
        examples = self._examples[part]
        count = int(examples.cardinality())
        order_seed, batch_seed = _seeds(self._seed, epoch, part), _seeds(self._seed, epoch)
        shuffled = examples.shuffle(min(count, _SHUFFLED_TOGETHER), seed=order_seed)
        if self._passes > 1:  # each in another order
            shuffled = shuffled.repeat(self._passes)
        filling = examples.repeat().take(self.steps * self._rows - self._passes * count)
        rows = _weigh(shuffled, 1.0).concatenate(_weigh(filling, 0.0))
        batches = _batches(rows, self._rows, self._task.sort_by_length)
        batches = batches.enumerate().map(self._raise_last_weight)
        if self._task.sort_by_length:
            # The same order in all parts.
            batches = batches.shuffle(_BATCHES_SORTED_TOGETHER, seed=batch_seed)
        return batches

    def _raise_last_weight(self, step, batch):
        sequences, targets, weights = batch
        factor = tf.where(step == self.steps - 1, self._last_weight, 1.0)
        return sequences, targets, weights * tf.cast(factor, weights.dtype)

    def _join(self, *parts):
        sequences, targets, weights = (tf.concat(column, 0) for column in zip(*parts, strict=True))
        return *self._padding.pad_columns(sequences, targets), weights


def _seeds(*numbers):
    """Returns one seed made of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _weigh(examples, weight):
    return examples.map(lambda sequence, target: (sequence, target, tf.constant(weight)))


def _batches(examples, batch_size, sort_by_length):
    """Returns batches as columns: ragged sequences, then tensors."""
    if not sort_by_length:
        return examples.ragged_batch(batch_size)
    windows = examples.ragged_batch(batch_size * _BATCHES_SORTED_TOGETHER)
    return windows.flat_map(lambda *window: _sorted_batches(window, batch_size))


def _sorted_batches(window, batch_size):
    lengths = window[0].row_lengths()
    if len(window) == 3:
        # Rows that fill the last batch stay in the last batch.
        lengths += _LONGER_THAN_ANY * tf.cast(window[2] == 0, tf.int64)
    order = tf.argsort(lengths, stable=True)
    # TensorFlow's type inference fails for `from_tensor_slices` of ragged tensors.
    firsts = tf.data.Dataset.range(0, tf.size(order, tf.int64), batch_size)
    return firsts.map(
        lambda first: tuple(tf.gather(c, order[first : first + batch_size]) for c in window)
    )


class _Padding:
    """Pads the sequences of a batch, and the targets if they belong to steps."""

    def __init__(self, task, few_lengths):
        self._task = task
        # Where lengths hardly differ, the multiples of 16 are few.
        self._few_lengths = few_lengths and task.sort_by_length

    def pad_columns(self, sequences, targets):
        """Returns the padded sequences and targets."""
        if isinstance(targets, tf.RaggedTensor):
            targets = self._pad(targets, self._task.target_padding)
        return self._pad(sequences, self._task.padding), targets

    def _pad(self, sequences, padding):
        padding = tf.cast(padding, sequences.dtype)
        padded = sequences.to_tensor(padding)
        length = tf.shape(padded)[1]
        paddings = [[0, 0], [0, -length % self._multiple(length)]]
        paddings += [[0, 0]] * (padded.shape.rank - 2)
        return tf.pad(padded, paddings, constant_values=padding)

    def _multiple(self, length):
        """What the length of a batch is a multiple of."""
        if not self._few_lengths:
            return _LENGTH_MULTIPLE
        multiple = tf.constant(_LENGTH_MULTIPLE)
        return tf.while_loop(lambda m: 4 * m < length, lambda m: [2 * m], [multiple])[0]

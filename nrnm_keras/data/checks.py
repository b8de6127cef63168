"""Checks of records while they are read, reported in one line."""

import contextlib
import os
import re
from collections.abc import Iterator

import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.typing import Tensor
from pipelines.manifest import check_hashes

_NO_LIMIT = 2**31 - 1
# TensorFlow prints each value of a failed assertion in brackets.
_MARK = "record to report"
_FAILED = re.compile(rf"\[{_MARK}\] \[(.*)\] \[(\w+)\]" + 5 * r" \[(\d+|-\d+)\]")
# What reading a damaged or missing file can raise. A bug in the code can raise the same.
_READING = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
)


def check_record(
    record: dict[str, Tensor],
    split: str,
    content: str,
    target: str,
    num_classes: int | None,
    max_timesteps: int | None = None,
) -> dict[str, Tensor]:
    """Returns a record after checking its target and the length of its content.

    The check runs when the record is read; `faults_named` reports what it finds.

    Args:
        record: dictionary of tensors, with either `id` or `name`.
        split: name of the split that it is read for.
        content: name of the text or sequence in it.
        target: name of its label, or of its labels, one for each step.
        num_classes: integer; None if the target is no class.
        max_timesteps: integer, the largest length allowed. Default: any.
    """
    value, labels = record[content], tf.cast(record[target], tf.int64)
    is_text = value.dtype == tf.string
    length = tf.strings.length(tf.strings.strip(value)) if is_text else tf.shape(value)[0]
    num_labels = tf.size(labels) if labels.shape.rank else length
    if num_classes is None:
        num_classes, labels = 1, tf.zeros((), tf.int64)
    extremes = tf.reduce_min(labels), tf.reduce_max(labels)
    label = tf.where(extremes[0] < 0, *extremes)
    limit = max_timesteps or _NO_LIMIT
    is_right = (label >= 0) & (label < num_classes) & (length > 0) & (length <= limit)
    name = record["id"] if "id" in record else record["name"]
    facts = [_MARK, name, split, label, num_classes, length, limit, num_labels]
    # The raw operation: `tf.debugging.Assert` builds a conditional around it, which takes longer.
    assertion = tf.raw_ops.Assert(condition=is_right & (num_labels == length), data=facts)
    with tf.control_dependencies([assertion]):
        return {**record, target: tf.identity(record[target])}


@contextlib.contextmanager
def faults_named(folder: str | os.PathLike) -> Iterator[None]:
    """Within this context, faults in the records of a folder are reported in one line.

    Args:
        folder: path of a built version; all of the context's `Records` are those in it.

    Raises:
        UsageError: naming the record that `check_record` found, or if the records cannot be read
            though no shard has changed.
        SourceError: naming the shard that is damaged.
    """
    try:
        yield
    except _READING as error:
        if found := _FAILED.search(error.message):
            raise UsageError(f"{folder}: {_describe(*found.groups())}") from error
        check_hashes(folder)
        if isinstance(error, tf.errors.DataLossError):
            reason = error.message.partition("\n")[0]
            raise UsageError(
                f"{folder}: a record could not be read ({reason}), but no shard is damaged; try "
                "again, and if the error persists, check the disk and the memory"
            ) from error
        raise


def _describe(name, split, label, num_classes, length, limit, num_labels):
    """Describes what is wrong with a record and what to do."""
    record = f"record {name} of the {split} split"
    if not 0 <= int(label) < int(num_classes):
        return (
            f"{record} has label {label}; expected 0 to {int(num_classes) - 1}, as there are "
            f"{num_classes} classes; correct its label and build again"
        )
    if int(length) == 0:
        return f"{record} has length 0; expected at least 1; leave it out and build again"
    if num_labels != length:
        return f"{record} has {num_labels} labels for {length} steps; expected as many; build again"
    return (
        f"{record} has {length} timesteps; expected at most max_timesteps={limit}; raise "
        "--max_timesteps if this length is right; otherwise shorten it and build again"
    )

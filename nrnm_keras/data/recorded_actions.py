"""Records of actions whose splits differ in their subjects or cameras."""

import os
from collections.abc import Iterable

import tensorflow as tf

from nrnm_keras.data.records import Records


class RecordedActions(Records):
    """The splits of actions that several cameras recorded of several subjects.

    The validation split differs from the training samples as the test split does: it has other
    subjects if the test split has, and otherwise other performances. Training then sees these
    performances from no camera.

    Args:
        path: folder of a built version, whose records have a `name` and the field.
        field: the feature that divides the records, such as `"subject"`.
        training_values: its values in the training samples; the others are the test split.
        camera_in_name: regular expression of the part of a name that gives the camera.
        validation_fraction: float between 0 and 1, the fraction of the training records.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        field: str,
        training_values: Iterable[int],
        camera_in_name: str,
        validation_fraction: float,
    ) -> None:
        training_values = tf.constant(sorted(training_values), tf.int64)

        def value(record):
            return tf.cast(record[field], tf.int64)

        def performance(record):
            """Returns a number that all records of one performance share, whatever the camera."""
            name = tf.strings.regex_replace(record["name"], camera_in_name, "")
            return tf.strings.to_hash_bucket_fast(name, 2**31)

        super().__init__(
            path,
            validation_fraction,
            number=value if field == "subject" else performance,
            is_training=lambda record: tf.reduce_any(value(record) == training_values),
        )

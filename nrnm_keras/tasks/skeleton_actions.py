"""Action recognition from skeletons: NTU RGB+D, NW-UCLA, and generated files."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nrnm_keras.data.records import Records
from nrnm_keras.errors import UsageError
from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.skeleton_sequence import draw_skeleton_sequence
from nrnm_keras.preprocessing import LAYOUTS, Standardization
from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.skeleton_flags import (
    build_augmentation,
    build_preprocessor,
    build_rotation,
)
from pipelines.ntu_rgbd.samples import SPLITS as NTU_SPLITS
from pipelines.nw_ucla.samples import SPLITS as NW_UCLA_SPLITS

_READ_BATCH = 64


class SkeletonActions(Classification):
    """Actions of skeletons whose samples are for training or testing by a split that a flag names.

    The validation split is as different from the training samples as can be: other subjects if the
    test's subjects are others, and otherwise other performances, none of which the training then
    sees from any camera.

    Args:
        path: folder of the built records, with features `joints` and `label`, the fields that
            splits go by, and `name`.
        flags: the values of the command's flags.

    Raises:
        UsageError: if the data set has no such split.
    """

    layout: str
    # What a name has in front of the camera's number and behind it, as a regular expression.
    camera_in_name: str
    # Sequences get one length in the network.
    sort_by_length = False

    def __init__(self, path, flags):
        splits = self.splits(flags)
        if flags.split not in splits:
            raise UsageError(
                f"{self.dataset} has no --split={flags.split}; it has {' and '.join(splits)}"
            )
        field, training_values = splits[flags.split]
        training_values = tf.constant(sorted(training_values), tf.int64)
        self.records = Records(
            path,
            flags.validation_fraction,
            number=_subject if field == "subject" else self._performance,
            is_training=lambda record: tf.reduce_any(
                tf.cast(record[field], tf.int64) == training_values
            ),
        )
        self.class_names = self.records.class_names
        self._preprocessor = build_preprocessor(flags, self.layout)
        self._standardization = self._learn_standardization()

    @staticmethod
    def splits(flags):
        """Returns the splits by name: the field that they go by, and its values for training."""
        raise NotImplementedError

    def examples(self, split, part=0, num_parts=1):
        """Returns the joints `(frames, bodies, joints, 3)` of a split with their labels."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["joints"], record["label"]))

    def build_network(self, flags):
        """Returns augmentation, preprocessing and `SequenceClassifier`: raw joints to logits."""
        return keras.Sequential(
            [
                keras.Input(self.records.features["joints"].shape, name="joints"),
                build_augmentation(flags, self.layout),
                self._preprocessor,
                build_rotation(flags, self._preprocessor),
                self._standardization,
                self.build_classifier(flags),
            ],
            name="network",
        )

    def build_exported(self, network):
        """Returns the model from raw joints `(batch, frames, bodies, joints, 3)` in metres."""
        joints = keras.Input(self.records.features["joints"].shape, name="joints")
        return self.build_probabilities(joints, network(joints))

    def draw(self, outcome, folder):
        """Draws the confusion matrix, and the first sample that was right and that was wrong."""
        pictures = super().draw(outcome, folder)
        predicted = most_probable(outcome.outputs)
        for name, is_right in (("right", True), ("wrong", False)):
            found = np.flatnonzero((predicted == outcome.targets) == is_right)
            if len(found):
                title = self._case(outcome.targets[found[0]], predicted[found[0]])
                joints, _ = next(iter(self.examples(outcome.split).skip(found[0]).take(1)))
                parents = LAYOUTS[self.layout].parents
                draw_skeleton_sequence(joints, parents, folder / f"{name}.png", title)
                pictures[f"{name}.png"] = title
        return pictures

    def _learn_standardization(self):
        """Returns a `Standardization` by the steps of the training samples."""

        def steps():
            for joints, _ in self.examples("train").padded_batch(_READ_BATCH):
                joints = ops.convert_to_tensor(joints)
                features = ops.convert_to_numpy(self._preprocessor(joints))
                yield features[ops.convert_to_numpy(self._preprocessor.compute_mask(joints))]

        standardization = Standardization(name="standardization")
        standardization.adapt(steps())
        return standardization

    def _case(self, true, predicted):
        """Returns in words what a sample is and what it was taken for."""
        true, predicted = self.class_names[true], self.class_names[predicted]
        return f"Right: {true}" if true == predicted else f"Wrong: {true}, taken for {predicted}"

    def _performance(self, record):
        """Returns a number that the records of one performance share, whatever the camera."""
        performance = tf.strings.regex_replace(record["name"], self.camera_in_name, "")
        return tf.strings.to_hash_bucket_fast(performance, 2**31)


def _subject(record):
    return tf.cast(record["subject"], tf.int64)


class NtuRgbd(SkeletonActions):
    """NTU RGB+D, 60 or 120 actions."""

    dataset = "ntu_rgbd"
    source_flag = "ntu_source"
    layout = "kinect_v2"
    camera_in_name = r"C\d+"

    @staticmethod
    def build_options(flags):
        """Returns where the raw files are, and how they are read."""
        return {
            "source": flags.ntu_source,
            "config": flags.ntu_config,
            "bodies": flags.ntu_bodies,
            "on_error": flags.ntu_on_error,
            "missing_samples": flags.ntu_missing_samples,
            "source_limit_mb": flags.source_limit_mb,
        }

    @staticmethod
    def splits(flags):
        """Returns the official splits."""
        return NTU_SPLITS[flags.ntu_config]


class NtuSample(NtuRgbd):
    """Generated files in the format of NTU RGB+D."""

    dataset = "ntu_sample"
    source_flag = None
    notice = "SAMPLE DATA, NOT NTU RGB+D"

    @staticmethod
    def build_options(flags):
        """Returns none."""
        return {}


class NwUcla(SkeletonActions):
    """Northwestern-UCLA, ten actions."""

    dataset = "nw_ucla"
    source_flag = "nw_ucla_source"
    layout = "kinect_v1"
    camera_in_name = r"_v\d+"

    @staticmethod
    def build_options(flags):
        """Returns where the raw files are."""
        return {"source": flags.nw_ucla_source, "source_limit_mb": flags.source_limit_mb}

    @staticmethod
    def splits(flags):
        """Returns the splits of the literature."""
        return NW_UCLA_SPLITS

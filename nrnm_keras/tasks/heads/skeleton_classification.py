"""Action recognition from skeletons."""

import os
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nrnm_keras.config import NetworkConfig
from nrnm_keras.models.decision import most_probable
from nrnm_keras.models.end_to_end import end_to_end_classifier
from nrnm_keras.plots.skeleton_sequence import draw_skeleton_sequence
from nrnm_keras.preprocessing import LAYOUTS, Standardization
from nrnm_keras.preprocessing.building import (
    build_augmentation,
    build_preprocessor,
    build_rotation,
)
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.skeleton_tasks import SkeletonClassificationTask

_READ_BATCH = 64


class SkeletonClassification(Classification):
    """Classifies skeletons, on the splits that the task makes of its records.

    Args:
        task: a `SkeletonClassificationTask`.
        records: folder of the built records, with features `joints` and `label`.

    Raises:
        UsageError: if the records have no such split, or the joints are not those of the layout.
    """

    # The network resamples all sequences to one length.
    sort_by_length = False

    def __init__(self, task: SkeletonClassificationTask, records: str | os.PathLike) -> None:
        super().__init__(task)
        self.records = task.open_records(records)
        self.class_names = self.records.class_names
        self._preprocessor = build_preprocessor(task, task.layout)
        self._standardization = self._learn_standardization()

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the joints `(frames, bodies, joints, 3)` of a split with their labels."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["joints"], record["label"]))

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns augmentation, preprocessing and `SequenceClassifier`: raw joints to logits."""
        return keras.Sequential(
            [
                keras.Input(self.records.features["joints"].shape, name="joints"),
                build_augmentation(self.task, self.task.layout),
                self._preprocessor,
                build_rotation(self.task, self._preprocessor),
                self._standardization,
                self.build_classifier(network),
            ],
            name="network",
        )

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from raw joints `(batch, frames, bodies, joints, 3)` in meters."""
        joints = keras.Input(self.records.features["joints"].shape, name="joints")
        return end_to_end_classifier(joints, network, self.class_names)

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws the confusion matrix, and the first correct and the first wrong sample."""
        pictures = super().draw(result, folder)
        predicted = most_probable(result.outputs)
        for name, is_right in (("right", True), ("wrong", False)):
            found = np.flatnonzero((predicted == result.targets) == is_right)
            if len(found):
                title = self._case(result.targets[found[0]], predicted[found[0]])
                joints, _ = next(iter(self.examples(result.split).skip(found[0]).take(1)))
                parents = LAYOUTS[self.task.layout].parents
                draw_skeleton_sequence(joints, parents, folder / f"{name}.png", title)
                pictures[f"{name}.png"] = title
        return pictures

    def _learn_standardization(self):
        """Returns a `Standardization` adapted to the steps of the training samples."""

        def steps():
            for joints, _ in self.examples("train").padded_batch(_READ_BATCH):
                joints = ops.convert_to_tensor(joints)
                features = ops.convert_to_numpy(self._preprocessor(joints))
                yield features[ops.convert_to_numpy(self._preprocessor.compute_mask(joints))]

        standardization = Standardization(name="standardization")
        standardization.adapt(steps())
        return standardization

    def _case(self, true, predicted):
        """Returns a title with the true and the predicted class of a sample."""
        true, predicted = self.class_names[true], self.class_names[predicted]
        return f"Right: {true}" if true == predicted else f"Wrong: {true} predicted as {predicted}"

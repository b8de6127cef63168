"""Records of data sets that have a split without labels to train on besides."""

import functools

import numpy as np
import tensorflow as tf

from nrnm_keras.data.records import Records
from pipelines.labeled_files import UNLABELED


class PartlyLabelledRecords(Records):
    """The splits of `Records`; to `train` comes the data set's `unsupervised`, if it has one.

    Its records have the label -1, and stand behind the labelled ones. The validation split is that
    of `Records`. (The reviews of IMDB's `unsupervised` are of other films than the labelled ones:
    rare names that reviews of one film share do not occur in both.)

    Args:
        path: folder of a built version.
        validation_fraction: float, the share of the labelled training records.
        number: function from a record to an integer tensor, as `Records` takes it.
    """

    def __init__(self, path, validation_fraction=0.1, number=None):
        super().__init__(path, validation_fraction, number)
        splits = self._builder.info.splits
        self._labelled = splits["train"].num_examples
        if UNLABELED in splits:
            # Their places go on behind those of the split `train`.
            more = self._labelled + np.arange(splits[UNLABELED].num_examples)
            self._places["train"] = np.concatenate([self._places["train"], more])
            self._split_of[UNLABELED], self._keep[UNLABELED] = UNLABELED, None

    @property
    def labelled(self):
        """The number of training examples that have a label."""
        return int(np.sum(self._places["train"] < self._labelled))

    def _num_classes_of(self, split):
        return None if split == UNLABELED else super()._num_classes_of(split)

    def _read(self, split, places):
        is_labelled = (places < self._labelled) | (split != "train")
        parts = {split: places[is_labelled], UNLABELED: places[~is_labelled] - self._labelled}
        read = super()._read
        datasets = [read(name, places) for name, places in parts.items() if len(places)]
        return functools.reduce(tf.data.Dataset.concatenate, datasets)


class UnlabelledRecords(PartlyLabelledRecords):
    """The splits `train` and `validation`, without regard to labels. No test record is ever read.

    Validated is on the very records that `Records` validates on, so that a classifier which starts
    from what was learnt here finds its own validation split unseen.

    Arguments are those of `PartlyLabelledRecords`.
    """

    def __init__(self, path, validation_fraction=0.1, number=None):
        super().__init__(path, validation_fraction, number)
        self.leave_out_test()

    @property
    def num_classes(self):
        """None: labels are not checked; unlabelled records have -1."""
        return None

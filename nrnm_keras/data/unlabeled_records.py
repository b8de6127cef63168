"""Records of data sets that also have unlabeled training examples."""

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from nrnm_keras.data.records import Records
from pipelines.labeled_files import UNLABELED


class PartlyLabeledRecords(Records):
    """The splits of `Records`; `train` includes the data set's `unsupervised`, if it has one.

    Unlabeled records have the label -1 and follow the labeled ones. The validation split is that of
    `Records`. (The reviews in IMDB's `unsupervised` split are of other films than the labeled ones,
    so the two share no rare names.)

    Args:
        path: folder of a built version.
        validation_fraction: float, the fraction of the labeled training records.
        number: function from a record to an integer tensor, as `Records` takes it.
        **splitting: `stratified` and `folds` of `Records`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        validation_fraction: float = 0.1,
        number: Callable | None = None,
        **splitting: Any,
    ) -> None:
        super().__init__(path, validation_fraction, number, **splitting)
        splits = self._builder.info.splits
        self._labeled = splits["train"].num_examples
        if UNLABELED in splits:
            # Their positions follow those of the split `train`.
            more = self._labeled + np.arange(splits[UNLABELED].num_examples)
            self._places["train"] = np.concatenate([self._places["train"], more])
            self._split_of[UNLABELED], self._keep[UNLABELED] = UNLABELED, None

    @property
    def labeled(self) -> int:
        """The number of training examples that have a label."""
        return int(np.sum(self._places["train"] < self._labeled))

    def _num_classes_of(self, split):
        return None if split == UNLABELED else super()._num_classes_of(split)

    def _read(self, split, places):
        is_labeled = (places < self._labeled) | (split != "train")
        parts = {split: places[is_labeled], UNLABELED: places[~is_labeled] - self._labeled}
        read = super()._read
        datasets = [read(name, places) for name, places in parts.items() if len(places)]
        return functools.reduce(tf.data.Dataset.concatenate, datasets)


class UnlabeledRecords(PartlyLabeledRecords):
    """The splits `train` and `validation`, regardless of labels. Test records are never read.

    The validation split is that of `Records`: a classifier that starts from a language model
    trained here has a validation split that the language model has not seen.

    Arguments are those of `PartlyLabeledRecords`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        validation_fraction: float = 0.1,
        number: Callable | None = None,
        **splitting: Any,
    ) -> None:
        super().__init__(path, validation_fraction, number, **splitting)
        self.leave_out_test()

    @property
    def num_classes(self) -> None:
        """None: labels are not checked; unlabeled records have -1."""
        return None

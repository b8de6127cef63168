"""Statistics of training sequences, from which their settings are chosen."""

import os
from typing import Any

import numpy as np

from nrnm_keras.data.records import Records
from nrnm_keras.tasks.heads.text_statistics import statistics
from nrnm_keras.tasks.settings import Statistics


def sequence_statistics(task: Any, records: str | os.PathLike) -> Statistics:
    """Returns the `Statistics` of the training sequences of a task on your own ones."""
    opened = Records(records, folds=2)
    found = [
        (len(r["sequence"]), float(r["label"])) for r in opened.read("train").as_numpy_iterator()
    ]
    lengths, labels = np.transpose(found)
    return statistics(labels, lengths, opened.features["sequence"].shape[-1], opened)

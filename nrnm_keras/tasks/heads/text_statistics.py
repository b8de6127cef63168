"""Statistics of training texts, from which their settings are chosen."""

import os
from typing import Any

import numpy as np

from nrnm_keras.data.records import Records
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks.heads.text_examples import READ_BATCH
from nrnm_keras.tasks.settings import Statistics


def text_statistics(task: Any, records: str | os.PathLike) -> Statistics:
    """Returns the `Statistics` of the training texts of a `TextTask`, in tokens."""
    opened = Records(records, **task.replace(folds=2).validation_split())
    preprocessor = TextPreprocessor(task.vocabulary_size, task.max_length, task.head_fraction)
    labels, lengths = [], []
    for batch in opened.read("train").batch(READ_BATCH):
        lengths.append(preprocessor.truncate(preprocessor.tokenize(batch["text"])).row_lengths())
        labels.append(batch["label"])
    return statistics(np.concatenate(labels), np.concatenate(lengths), 0, opened)


def statistics(labels: np.ndarray, lengths: np.ndarray, features: int, records: Records) -> Any:
    """Returns the `Statistics` of examples with these labels and lengths."""
    return Statistics(
        examples=len(labels),
        smallest_class=int(np.unique(labels, return_counts=True)[1].min()),
        length=int(np.quantile(lengths, 0.95, method="higher")),
        features=features,
        has_validation="validation" in records.sizes,
    )

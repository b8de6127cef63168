"""Statistics of training texts, from which their settings are chosen."""

import collections
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from nrnm_keras.data.records import Records
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.preprocessing.text import UNKNOWN
from nrnm_keras.tasks.heads.text_examples import READ_BATCH, create_preprocessor
from nrnm_keras.tasks.settings import Statistics, subword_vocabulary, tokens_for

_ENOUGH_BATCHES = 20


def text_statistics(task: Any, records: str | os.PathLike) -> Statistics:
    """Returns the `Statistics` of the training texts of a `TextTask`, in tokens."""
    opened = Records(records, **task.replace(folds=2).validation_split())
    batches = opened.read("train").batch(READ_BATCH)
    labels = np.concatenate([batch["label"] for batch in batches.as_numpy_iterator()])
    texts = batches.map(lambda batch: batch["text"])
    words = TextPreprocessor(task.vocabulary_size, task.max_length, task.head_fraction)
    some = texts.take(_ENOUGH_BATCHES)  # records are stored shuffled
    unknown = unknown_share(row for batch in some for row in words.tokenize(batch).to_list())
    data = statistics(labels, _lengths(words, texts), 0, opened)._replace(unknown=unknown)
    tokens = task.tokens if "tokens" in task.given else tokens_for(data.examples, unknown)
    return data if tokens == "words" else _in_subwords(data, task, texts, words)


def unknown_share(rows: Iterable[list[bytes]]) -> float:
    """Returns the share of the words of every other text that the other texts do not have.

    Args:
        rows: iterable of the words of texts. Runs of `!` and `?` do not count: texts without
            spaces have them too.

    Example:

    >>> unknown_share([[b"a", b"b", b"!"], [b"a", b"c", b"!"]])
    0.5
    """
    known: set[bytes] = set()
    counts: collections.Counter = collections.Counter()
    for number, row in enumerate(rows):
        (counts if number % 2 else known).update(row)
    for mark in (b"!", b"?"):
        counts.pop(mark, None)
    unknown = sum(count for word, count in counts.items() if word not in known)
    return unknown / max(1, counts.total())


def statistics(labels: np.ndarray, lengths: np.ndarray, features: int, records: Records) -> Any:
    """Returns the `Statistics` of examples with these labels and lengths."""
    return Statistics(
        examples=len(labels),
        smallest_class=int(np.unique(labels, return_counts=True)[1].min()),
        length=_usual(lengths),
        features=features,
        has_validation="validation" in records.sizes,
    )


def _in_subwords(data, task, texts, words):
    """Returns `Statistics` with the length in subwords, which are learned for it."""
    if "vocabulary_size" not in task.given:
        task = task.replace(vocabulary_size=_subword_vocabulary(task, texts, words))
    subwords = create_preprocessor(task.replace(tokens="subwords"), texts)
    length = _usual(_lengths(subwords, texts))
    return data._replace(tokens="subwords", vocabulary_size=task.vocabulary_size, length=length)


def _subword_vocabulary(task, texts, words):
    letters: set[bytes] = set()
    lengths = []
    for batch in texts:
        tokens = words.tokenize(batch)
        lengths.append(tf.strings.length(tf.strings.reduce_join(tokens, axis=1), "UTF8_CHAR"))
        tokens = tf.boolean_mask(tokens.flat_values, tokens.flat_values != UNKNOWN)
        letters.update(tf.strings.unicode_split(tokens, "UTF-8").flat_values.numpy())
    return subword_vocabulary(len(letters), _usual(np.concatenate(lengths)), task.max_length)


def _lengths(preprocessor, texts):
    tokens = (preprocessor.truncate(preprocessor.tokenize(batch)) for batch in texts)
    return np.concatenate([rows.row_lengths() for rows in tokens])


def _usual(lengths):
    return int(np.quantile(lengths, 0.95, method="higher"))

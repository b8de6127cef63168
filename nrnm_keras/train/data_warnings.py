"""What is unusual in a user's examples, said before the training."""

import hashlib
from collections.abc import Iterator

import numpy as np

from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.sequence_examples import SequenceExamples
from nrnm_keras.tasks.heads.sequence_regression import SequenceRegression
from pipelines.escaping import quoted

_FEWEST_VALIDATION, _FEWEST_OF_CLASS = 20, 5
_MOST_NAMED = 5
_FEWEST_NUMBERS = 10  # classes that are whole numbers may be codes


def data_warnings(task: Classification | SequenceRegression) -> list[str]:
    """Returns warnings about the examples of an open task, one line each.

    Args:
        task: the `Classification` or the `SequenceRegression`.
    """
    if not isinstance(task, Classification):
        return [*task.warnings(), *_about_duplicates(task)]
    return [*_about_sizes(task), *_about_labels(task), *_about_duplicates(task), *task.warnings()]


def _about_sizes(task) -> Iterator[str]:
    count = task.records.sizes.get("validation")
    if count is not None and count < _FEWEST_VALIDATION:
        yield (
            f"only {count} validation examples: the choice of the best epoch is mostly chance; "
            "--folds=3 validates on all examples"
        )
    labels = task.baseline_examples("train", raw=True)[1]
    counts = np.bincount(labels[labels >= 0], minlength=len(task.class_names))
    rare = [
        f"{quoted(name)} ({count})"
        for name, count in zip(task.class_names, counts, strict=True)
        if count < _FEWEST_OF_CLASS
    ]
    if rare:
        more = f" and {len(rare) - _MOST_NAMED} more" if len(rare) > _MOST_NAMED else ""
        yield (
            f"fewer than {_FEWEST_OF_CLASS} training examples of {', '.join(rare[:_MOST_NAMED])}"
            f"{more}: they can hardly be learned"
        )


def _about_labels(task) -> Iterator[str]:
    names = task.class_names
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return
    is_sequence = isinstance(task, SequenceExamples)
    if len(names) >= _FEWEST_NUMBERS and np.isfinite(numbers).all():
        yield (
            f"all {len(names)} labels are numbers, such as {quoted(names[0])} and "
            f"{quoted(names[-1])}: a classifier does not know that near numbers are alike"
            f"{'; --task=sequence_regression predicts numbers' * is_sequence}"
        )


def _about_duplicates(task) -> Iterator[str]:
    sizes = task.records.sizes
    seen = set(_digests(task, "train"))
    for split in ("validation", "test"):
        if split in sizes:
            found = sum(digest in seen for digest in _digests(task, split))
            if found:
                yield (
                    f"{found:,} of {sizes[split]:,} {split} examples are also training examples: "
                    f"the {split} result is too good"
                )


def _digests(task, split):
    """Yields a digest of each example, of texts without regard to spaces and case."""
    for example in task.baseline_examples(split, raw=True)[0]:
        if isinstance(example, str):
            content = " ".join(example.lower().split()).encode("utf-8", "replace")
        else:
            content = np.ascontiguousarray(example).tobytes()
        yield hashlib.blake2b(content, digest_size=16).digest()

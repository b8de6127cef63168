"""Film reviews of the Large Movie Review Dataset."""

import dataclasses
from typing import ClassVar

from nrnm_keras.config import ComparisonConfig, SourceConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.sample_reviews import SampleLanguageModelTask, SampleReviewsTask
from nrnm_keras.tasks.task import Task
from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ImdbSource(SourceConfig):
    """IMDB"""

    source: str | None = option(
        None, "aclImdb folder or archive to build from; default: download", flag="imdb_source"
    )
    sample_when_unavailable: bool = option(
        False, "train on generated reviews if IMDB is missing and cannot be downloaded"
    )
    dataset: ClassVar[str] = "imdb"
    source_flag: ClassVar[str | None] = "imdb_source"

    def ways_on(self) -> str:
        """Returns a sentence that says what to do if there are no reviews."""
        return (
            "give the aclImdb folder or its archive as --imdb_source=PATH, run on a machine with "
            "network access, or train on generated reviews with --sample_when_unavailable"
        )

    def validation_number(self, record):
        """Returns the number in a review's id.

        Reviews of one film have close numbers, and the test reviews are of other films. If a film
        were in both the training and the validation split, its names would give its reviews away,
        and the validation accuracy would be too optimistic.
        """
        import tensorflow as tf

        number = tf.strings.regex_replace(record["id"], r".*/(\d+)_.*", r"\1")
        return tf.strings.to_number(number, tf.int64)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImdbTask(_ImdbSource, ComparisonConfig, TextClassificationTask):
    """IMDB film reviews"""

    name: ClassVar[str] = "imdb"

    def substitute(self) -> Task | None:
        """Returns the task on generated reviews, if the options allow it."""
        return _on_generated(self, SampleReviewsTask)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImdbLanguageModelTask(_ImdbSource, LanguageModelTask):
    """Language model of IMDB film reviews"""

    name: ClassVar[str] = "language_model"

    def substitute(self) -> Task | None:
        """Returns the task on generated reviews, if the options allow it."""
        return _on_generated(self, SampleLanguageModelTask)


def _on_generated(task, other):
    if not task.sample_when_unavailable:
        return None
    names = {field.name for field in other.options()}
    return other(**{name: getattr(task, name) for name in names})

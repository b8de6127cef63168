"""Generated film reviews."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask

_DATASET, _NOTICE = "sample_reviews", "SAMPLE DATA, NOT IMDB"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleReviewsTask(TextClassificationTask):
    """Generated film reviews"""

    name: ClassVar[str] = "sample_reviews"
    dataset: ClassVar[str] = _DATASET
    notice: ClassVar[str] = _NOTICE

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `GeneratedReviews`."""
        from nrnm_keras.tasks.heads.generated_reviews import GeneratedReviews

        return GeneratedReviews(self, records, vocabulary)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleLanguageModelTask(LanguageModelTask):
    """Language model of generated film reviews"""

    name: ClassVar[str] = "sample_language_model"
    dataset: ClassVar[str] = _DATASET
    notice: ClassVar[str] = _NOTICE

"""Generated film reviews."""

import dataclasses
from typing import ClassVar

from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask

_DATASET, _NOTICE = "sample_reviews", "SAMPLE DATA, NOT IMDB"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleReviewsTask(TextClassificationTask):
    """Generated film reviews"""

    name: ClassVar[str] = "sample_reviews"
    dataset: ClassVar[str] = _DATASET
    notice: ClassVar[str] = _NOTICE


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleLanguageModelTask(LanguageModelTask):
    """Language model of generated film reviews"""

    name: ClassVar[str] = "sample_language_model"
    dataset: ClassVar[str] = _DATASET
    notice: ClassVar[str] = _NOTICE

"""Relatedness of sentences: SICK 2014."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nrnm_keras.config import EmbeddingConfig, SourceConfig, TextConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SickTask(SourceConfig, EmbeddingConfig, TextConfig, Task):
    """Sentence similarity (SICK)"""

    name: ClassVar[str] = "sick"
    dataset: ClassVar[str] = "sick"
    source_flag: ClassVar[str] = "sick_source"
    starts_from_language_model: ClassVar[bool] = True
    source: str | None = option(None, "folder of the files of SICK 2014", flag="sick_source")
    similarity: str = option(
        "manhattan",
        "how the vectors of two sentences are compared",
        choices=("manhattan", "cosine", "head"),
    )

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `TextSimilarity`, whose scale is 1 to 5."""
        from nrnm_keras.tasks.heads.text_similarity import TextSimilarity

        return TextSimilarity(self, records, vocabulary, target="relatedness", scale=(1.0, 5.0))

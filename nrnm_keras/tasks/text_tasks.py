"""Base classes of the tasks on texts."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nrnm_keras.config import (
    AdversarialConfig,
    EmbeddingConfig,
    LanguageModelConfig,
    NetworkConfig,
    StackingConfig,
    TextConfig,
    ValidationConfig,
)
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextClassificationTask(
    AdversarialConfig, EmbeddingConfig, StackingConfig, TextConfig, ValidationConfig, Task
):
    """Classes of whole texts: records with features `text` and `label`."""

    starts_from_language_model: ClassVar[bool] = True
    # A function that keeps related texts on one side of the validation split (`Records`).
    validation_number: ClassVar[Any] = None

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `TextClassification`."""
        from nrnm_keras.tasks.heads.text_classification import TextClassification

        return TextClassification(self, records, vocabulary)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelTask(LanguageModelConfig, EmbeddingConfig, TextConfig, ValidationConfig, Task):
    """A language model of texts, labeled or not: records with a feature `text`."""

    validation_number: ClassVar[Any] = None

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `LanguageModeling`."""
        from nrnm_keras.tasks.heads.language_modeling import LanguageModeling

        return LanguageModeling(self, records)

    def check_network(self, network: NetworkConfig) -> None:
        """Raises a ValueError if a `NetworkConfig` is not valid for a language model."""
        from nrnm_keras.tasks.heads.language_modeling import build_language_model

        build_language_model(self, network, vocabulary_size=3)

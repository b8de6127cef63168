"""A user's own texts."""

import dataclasses
from typing import Any, ClassVar

from nrnm_keras.config import OwnFilesConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OwnTexts(OwnFilesConfig):
    """Unlabeled texts"""

    dataset: ClassVar[str] = "text_files"
    unlabeled_file: str | None = option(
        None,
        "more texts to train on, without labels: for language models, and for "
        "--adversarial=virtual and --entropy_weight; needs only a column text",
        old_flags=("unlabelled_file",),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTask(_OwnTexts, TextClassificationTask):
    """Your own labeled texts"""

    name: ClassVar[str] = "text"

    def build_options(self) -> dict[str, Any]:
        """Returns the files."""
        unlabeled = self.unlabeled_file if self.learns_from_unlabeled else None
        return {**super().build_options(), "unlabeled_file": unlabeled}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextLanguageModelTask(_OwnTexts, LanguageModelTask):
    """Language model of your own texts, labeled or not"""

    name: ClassVar[str] = "text_language_model"

    def build_options(self) -> dict[str, Any]:
        """Returns the files."""
        return {**super().build_options(), "unlabeled_file": self.unlabeled_file}

"""A user's own texts."""

import dataclasses
import os
from typing import Any, ClassVar

import numpy as np

from nrnm_keras.config import AutomaticConfig, OwnTablesConfig
from nrnm_keras.config.options import option
from nrnm_keras.data.files import texts_as_jsonl
from nrnm_keras.tasks.settings import Setting, settings_for_texts
from nrnm_keras.tasks.text_tasks import LanguageModelTask, TextClassificationTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OwnTexts(OwnTablesConfig):
    """Your own texts"""

    dataset: ClassVar[str] = "text_files"
    unlabeled_file: str | None = option(
        None,
        "more texts to train on, without labels: for language models, and for "
        "--adversarial=virtual and --entropy_weight; needs only a column text",
        old_flags=("unlabelled_file",),
    )
    text_column: str | None = option(
        None, "column of the texts; default: text, or another usual name such as review"
    )

    def build_options(self) -> dict[str, Any]:
        """Returns the files, and how they are read."""
        own = {"unlabeled_file": self.unlabeled_file, "text_column": self.text_column}
        return {**super().build_options(), **own}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTask(_OwnTexts, AutomaticConfig, TextClassificationTask):
    """Your own labeled texts"""

    name: ClassVar[str] = "text"
    data_suffix: ClassVar[str] = ".jsonl"

    def build_options(self) -> dict[str, Any]:
        """Returns the files, and how they are read."""
        options = super().build_options()
        return options if self.learns_from_unlabeled else {**options, "unlabeled_file": None}

    def choose_settings(self, records: str | os.PathLike) -> list[Setting]:
        """Returns settings that suit the training texts."""
        from nrnm_keras.tasks.heads.text_statistics import text_statistics

        return settings_for_texts(text_statistics(self, records))

    def data_content(self, examples: Any, labels: np.ndarray) -> bytes:
        """Returns lines of JSON with texts that are in memory."""
        return texts_as_jsonl(examples, labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextLanguageModelTask(_OwnTexts, LanguageModelTask):
    """Language model of your own texts, labeled or not"""

    name: ClassVar[str] = "text_language_model"

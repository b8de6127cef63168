"""The options of data."""

import dataclasses
from typing import Any, Self

from nrnm_keras.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValidationConfig(Options):
    """Validation"""

    validation_fraction: float = option(
        0.1,
        "fraction of the training examples to validate on, if the data has no validation split",
        minimum=0.001,
        maximum=0.9,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceConfig(Options):
    """Raw data

    A task adds its own option `source`, the path of the raw data.
    """

    source_limit_mb: int = option(
        0,
        "largest review, text, skeleton file, line of a file, or array of an .npz file that is "
        "read; 0: a limit that fits each",
        minimum=0,
        unit="MB",
        changes_result=False,
    )

    def build_options(self) -> dict[str, Any]:
        """Returns the options of `pipelines.build.build`."""
        return {name: getattr(self, name) for name in ("source", "source_limit_mb")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnFilesConfig(SourceConfig):
    """Your own files"""

    train_file: str | None = option(
        None,
        "labeled texts (.csv, .tsv, .jsonl, .json), sequences (.npz or .ts) or skeletons (.npz)",
    )
    validation_file: str | None = option(
        None, "the same to validate on; default: a part of train_file"
    )
    test_file: str | None = option(None, "the same to test on; default: no test")

    def build_options(self) -> dict[str, Any]:
        """Returns the options of `pipelines.build.build`."""
        return {field.name: getattr(self, field.name) for field in OwnFilesConfig.options()}

    def without_test(self) -> Self:
        """Returns the task without its test file."""
        return self.replace(test_file=None)

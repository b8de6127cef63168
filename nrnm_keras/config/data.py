"""The options of data."""

import dataclasses
from typing import Any, ClassVar, Self

from nrnm_keras.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValidationConfig(Options):
    """Validation"""

    # Whether the validation split has the same fraction of each class.
    is_stratified: ClassVar[bool] = False

    validation_fraction: float = option(
        0.1,
        "fraction of the training examples to validate on, if the data has no validation split",
        minimum=0.001,
        maximum=0.9,
    )

    def validation_split(self) -> dict[str, Any]:
        """Returns the arguments of `Records` that say which examples are validated on."""
        return {
            "validation_fraction": self.validation_fraction,
            "stratified": self.is_stratified,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingsConfig(ValidationConfig):
    """Settings chosen from the training data"""

    settings: str = option(
        "auto",
        "value of the options that are not given: chosen from the training data (auto), or the "
        "defaults shown here (fixed)",
        choices=("auto", "fixed"),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonConfig(ValidationConfig):
    """Simple classifiers beside the network"""

    linear_classifier: bool = option(
        False,
        "average the network with a linear classifier, of word n-grams or of fixed convolutions of "
        "a sequence, with the weights that suit the validation examples best",
    )
    baseline: bool = option(
        True,
        "also fit a simple classifier, to compare with: TF-IDF and logistic regression for texts, "
        "statistics and a random forest for sequences; needs scikit-learn",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AutomaticConfig(ComparisonConfig, SettingsConfig):
    """Settings of a classifier, chosen from the training data"""

    folds: int = option(
        1,
        "parts of a cross-validation, for few examples: each part validates one training, and a "
        "last training learns from all examples; 1: a single part, validation_fraction",
        minimum=1,
    )

    def validation_split(self) -> dict[str, Any]:
        """Returns the arguments of `Records` that say which examples are validated on."""
        return {**super().validation_split(), "folds": self.folds}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StackingConfig(Options):
    """Long input"""

    stacked_steps: int = option(
        1,
        "neighboring steps that are joined to one before the recurrent layers, for long input",
        minimum=1,
        unit="steps",
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

    is_stratified: ClassVar[bool] = True

    train_file: str | None = option(
        None,
        "labeled texts (.csv, .tsv, .jsonl, .json), sequences (.npz, .ts, .csv, .tsv, .txt, "
        ".parquet) or skeletons (.npz)",
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnTablesConfig(OwnFilesConfig):
    """Your own tables"""

    label_column: str | None = option(
        None, "column of the labels; default: label, or another usual name such as class"
    )
    on_error: str = option(
        "fail",
        "what to do with an empty text, a missing number or a missing label; skip leaves such "
        "examples out",
        choices=("fail", "skip"),
    )

    def build_options(self) -> dict[str, Any]:
        """Returns the files, and how they are read."""
        own = {"label_column": self.label_column, "on_error": self.on_error}
        return {**super().build_options(), **own}

"""Every option of a training, once: its default, its bounds, its unit, and what it means.

The flags of the commands are generated from these classes (`nrnm_keras.commands.option_flags`). A
task adds the options of its data set in its own file. This package imports no other part of the
library.
"""

from nrnm_keras.config.data import (
    AutomaticConfig,
    ComparisonConfig,
    OwnFilesConfig,
    OwnTablesConfig,
    SettingsConfig,
    SourceConfig,
    StackingConfig,
    ValidationConfig,
)
from nrnm_keras.config.network import NetworkConfig
from nrnm_keras.config.skeletons import AugmentationConfig, SkeletonConfig, SkeletonSplitConfig
from nrnm_keras.config.text import (
    AdversarialConfig,
    EmbeddingConfig,
    LanguageModelConfig,
    TextConfig,
)
from nrnm_keras.config.training import (
    DeviceConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
)

__all__ = [
    "AdversarialConfig",
    "AugmentationConfig",
    "AutomaticConfig",
    "ComparisonConfig",
    "DeviceConfig",
    "EmbeddingConfig",
    "LanguageModelConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "OwnFilesConfig",
    "OwnTablesConfig",
    "RunConfig",
    "ScheduleConfig",
    "SettingsConfig",
    "SkeletonConfig",
    "SkeletonSplitConfig",
    "SourceConfig",
    "StackingConfig",
    "TextConfig",
    "TrainConfig",
    "ValidationConfig",
]
